package main

import (
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	certmanager "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
)

func injector() *cobra.Command {
	logging := logsapi.NewLoggingConfiguration()
	var lease string
	command := &cobra.Command{Use: "cainjector", RunE: func(command *cobra.Command, _ []string) error {
		if err := logs.ValidateAndApply(logging); err != nil {
			return err
		}
		scheme := runtime.NewScheme()
		for _, add := range []func(*runtime.Scheme) error{
			kubernetes.AddToScheme, certmanager.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme,
		} {
			if err := add(scheme); err != nil {
				return err
			}
		}
		uncached := &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}
		manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(ctrl.GetConfigOrDie(), "cainjector"), ctrl.Options{
			Scheme:                        scheme,
			Cache:                         cache.Options{ReaderFailOnMissingInformer: true},
			Client:                        client.Options{Cache: uncached},
			LeaderElection:                true,
			LeaderElectionNamespace:       lease,
			LeaderElectionID:              "cert-manager-cainjector-leader-election",
			LeaderElectionReleaseOnCancel: true,
			Metrics:                       metrics.Options{BindAddress: "0.0.0.0:9402"},
		})
		if err != nil {
			return err
		}
		options := cainjector.SetupOptions{
			EnableCertificatesDataSource: true,
			EnabledReconcilersFor: map[string]bool{
				cainjector.MutatingWebhookConfigurationName:   true,
				cainjector.ValidatingWebhookConfigurationName: true,
				cainjector.APIServiceName:                     true,
				cainjector.CustomResourceDefinitionName:       true,
			},
		}
		if err := cainjector.RegisterAllInjectors(command.Context(), manager, options); err != nil {
			return err
		}
		return manager.Start(command.Context())
	}}
	logs.AddFlags(logging, command.Flags())
	command.Flags().StringVar(&lease, "leader-election-namespace", "kube-system", "where the leader's lease is")
	return command
}
