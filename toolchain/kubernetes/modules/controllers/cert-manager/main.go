// cert-manager's controller, webhook and cainjector in one binary, which is the one that its first argument names.
//
// cert-manager's own main packages are in modules of their own, which no proxy has. These take the arguments that its
// chart gives; everything else is as cert-manager has it by default. What is less than there: issuers are CA and
// SelfSigned, as the others ask a service outside, and one needs a module that no proxy has; and the controller elects
// no leader, as there is one.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/cert-manager/cert-manager/internal/cmd/util"
	"github.com/cert-manager/cert-manager/pkg/logs"
)

func main() {
	ctx, exit := util.SetupExitHandler(context.Background(), util.GracefulShutdown)
	defer exit()
	logs.InitLogs()
	defer logs.FlushLogs()
	ctrl.SetLogger(logs.Log)
	root := &cobra.Command{Use: "cert-manager", SilenceUsage: true}
	root.AddCommand(controllers(), injector())
	if command, err := webhook(); err == nil {
		root.AddCommand(command)
	} else {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := root.ExecuteContext(logs.NewContext(ctx, logs.Log)); err != nil {
		util.SetExitCode(err)
	}
}
