package main

import (
	"github.com/spf13/cobra"

	certmanager "github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

func webhook() (*cobra.Command, error) {
	config, err := options.NewWebhookConfiguration()
	if err != nil {
		return nil, err
	}
	command := &cobra.Command{Use: "webhook", RunE: func(command *cobra.Command, _ []string) error {
		if err := logs.ValidateAndApply(&config.Logging); err != nil {
			return err
		}
		server, err := certmanager.NewCertManagerWebhookServer(logs.FromContext(command.Context(), "webhook"), *config)
		if err != nil {
			return err
		}
		return server.Run(command.Context())
	}}
	options.AddConfigFlags(command.Flags(), config)
	return command, nil
}
