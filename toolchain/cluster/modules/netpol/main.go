// netpol holds the pods of a node to the NetworkPolicies, with rules of iptables that are made anew at every change.
//
// netpol --kubeconfig FILE --node NAME --network CIDR --dns ADDRESS: until it is killed; the rules that it made stay.
// It is also the last plugin of the pods' network (CNI), and lets a pod start when the rules for it are there.
package main

import (
	"flag"
	"log"
	"net/netip"
	"os"
)

// server is where the plugin tells of a pod, and what says that rules are in force at /healthz.
const server = "127.0.0.1:10258"

func main() {
	if command := os.Getenv("CNI_COMMAND"); command != "" {
		if err := plugin(command); err != nil {
			log.Fatal(err) // the runtime takes it from standard error
		}
		return
	}
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API")
	node := flag.String("node", "", "whose pods these are")
	network := flag.String("network", "", "of the addresses of pods; one that no pod is known to have reaches nothing")
	dns := flag.String("dns", "", "where CoreDNS answers, which policies take for the pod that it usually is")
	flag.Parse()
	log.Fatal(enforce(*kubeconfig, *node, netip.MustParsePrefix(*network), netip.MustParseAddr(*dns)))
}
