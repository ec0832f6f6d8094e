package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// world is what rules follow from.
type world struct {
	network    netip.Prefix
	pods       []pod
	namespaces map[string]*core.Namespace
	policies   []*networking.NetworkPolicy
}

type pod struct {
	namespace, name string
	labels          labels.Set
	address         netip.Addr
	ports           []core.ContainerPort
}

// newPod is false for one that has no address of its own, or has it no longer.
func newPod(object *core.Pod, address netip.Addr) (pod, bool) {
	made := pod{namespace: object.Namespace, name: object.Name, labels: object.Labels, address: address}
	for _, each := range object.Spec.Containers {
		made.ports = append(made.ports, each.Ports...)
	}
	over := object.Status.Phase == core.PodSucceeded || object.Status.Phase == core.PodFailed
	return made, address.IsValid() && !object.Spec.HostNetwork && !over
}

// dnsPod stands for CoreDNS where it is no pod.
func dnsPod(address netip.Addr) pod {
	return pod{
		namespace: meta.NamespaceSystem,
		name:      "coredns",
		labels:    labels.Set{"k8s-app": "kube-dns"},
		address:   address,
		ports: []core.ContainerPort{
			{Name: "dns", ContainerPort: 53, Protocol: core.ProtocolUDP},
			{Name: "dns-tcp", ContainerPort: 53, Protocol: core.ProtocolTCP},
		},
	}
}

// end is what a connection may come from or go to: an address, and the pod that has it where it is known.
type end struct {
	prefix netip.Prefix
	pod    *pod
}

var anywhere = end{prefix: netip.MustParsePrefix("0.0.0.0/0")}

// rules are the whole content of a table of iptables. A connection is looked at when it is opened: by the chain of the pod
// that opens it, then by that of the pod that answers. What returns from both is allowed, and so is all that the node opens.
func rules(known world) string {
	slices.SortFunc(known.pods, func(a, b pod) int { return a.address.Compare(b.address) })
	slices.SortFunc(known.policies, func(a, b *networking.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var chains, jumps, lines []string
	add := func(list *[]string, format string, values ...any) {
		*list = append(*list, fmt.Sprintf(format, values...))
	}
	for _, hook := range []string{"INPUT", "FORWARD"} {
		add(&jumps, "-A %s -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", hook)
		add(&jumps, "-A %s -s %s -j known", hook, known.network)
	}
	for i := range known.pods {
		subject := &known.pods[i]
		if !known.network.Contains(subject.address) {
			continue // the node's own
		}
		add(&lines, "-A known -s %s -j RETURN", subject.address)
		for _, way := range []struct {
			name, own, other string
			hooks            []string
			allowed          func(*pod) ([]string, bool)
		}{
			{"from", "-s", "-d", []string{"INPUT", "FORWARD"}, known.egress},
			{"to", "-d", "-s", []string{"FORWARD"}, known.ingress},
		} {
			allowed, isolated := way.allowed(subject)
			if !isolated {
				continue
			}
			chain := fmt.Sprintf("%s-%s", way.name, subject.address)
			add(&chains, ":%s - [0:0]", chain)
			for _, hook := range way.hooks {
				add(&jumps, "-A %s %s %s -m comment --comment %.255s -j %s",
					hook, way.own, subject.address, subject.namespace+"/"+subject.name, chain)
			}
			add(&lines, "-A %s %s %s -j RETURN", chain, way.other, subject.address)
			for _, each := range allowed {
				add(&lines, "-A %s %s -j RETURN", chain, each)
			}
			add(&lines, "-A %s -j DROP", chain)
		}
	}
	add(&lines, "-A known -j DROP") // a pod that is gone, or that nobody told of
	head := []string{"*security", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":known - [0:0]"}
	return strings.Join(slices.Concat(head, chains, jumps, lines, []string{"COMMIT", ""}), "\n")
}

// egress is what a pod may open connections to, and whether anything limits it.
func (w world) egress(subject *pod) (allowed []string, isolated bool) {
	for _, policy := range w.policiesOf(subject, networking.PolicyTypeEgress) {
		isolated = true
		for _, rule := range policy.Spec.Egress {
			for _, to := range w.ends(policy.Namespace, rule.To, rule.Ports) {
				for _, port := range ports(rule.Ports, to.pod) {
					allowed = append(allowed, fmt.Sprintf("-d %s%s", to.prefix, port))
				}
			}
		}
	}
	return allowed, isolated
}

// ingress is what a pod takes connections from, and whether anything limits it.
func (w world) ingress(subject *pod) (allowed []string, isolated bool) {
	for _, policy := range w.policiesOf(subject, networking.PolicyTypeIngress) {
		isolated = true
		for _, rule := range policy.Spec.Ingress {
			for _, from := range w.ends(policy.Namespace, rule.From, nil) {
				for _, port := range ports(rule.Ports, subject) {
					allowed = append(allowed, fmt.Sprintf("-s %s%s", from.prefix, port))
				}
			}
		}
	}
	return allowed, isolated
}

func (w world) policiesOf(subject *pod, kind networking.PolicyType) []*networking.NetworkPolicy {
	var found []*networking.NetworkPolicy
	for _, each := range w.policies {
		if each.Namespace == subject.namespace && slices.Contains(each.Spec.PolicyTypes, kind) &&
			selects(&each.Spec.PodSelector, subject.labels) {
			found = append(found, each)
		}
	}
	return found
}

// ends are those that any of the peers of a policy's rule names, and for named ports all who may have one so named.
func (w world) ends(
	namespace string, peers []networking.NetworkPolicyPeer, named []networking.NetworkPolicyPort,
) []end {
	var found []end
	if len(peers) == 0 {
		found = append(found, anywhere)
		if slices.ContainsFunc(named, isNamed) {
			found = append(found, w.podsOf(func(*pod) bool { return true })...)
		}
	}
	for _, peer := range peers {
		if peer.IPBlock != nil {
			for _, each := range prefixes(peer.IPBlock) {
				found = append(found, end{prefix: each})
			}
			continue
		}
		found = append(found, w.podsOf(func(each *pod) bool {
			if peer.NamespaceSelector == nil {
				return each.namespace == namespace && selects(peer.PodSelector, each.labels)
			}
			home, is := w.namespaces[each.namespace]
			return is && selects(peer.NamespaceSelector, home.Labels) &&
				(peer.PodSelector == nil || selects(peer.PodSelector, each.labels))
		})...)
	}
	return found
}

func (w world) podsOf(are func(*pod) bool) []end {
	var found []end
	for i := range w.pods {
		if each := &w.pods[i]; are(each) {
			found = append(found, end{netip.PrefixFrom(each.address, each.address.BitLen()), each})
		}
	}
	return found
}

func selects(selector *meta.LabelSelector, of labels.Set) bool {
	made, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && made.Matches(of) // the API takes no selector that is none
}

// prefixes are what a block is without its exceptions.
func prefixes(block *networking.IPBlock) []netip.Prefix {
	whole, err := netip.ParsePrefix(block.CIDR)
	if err != nil || !whole.Addr().Is4() {
		return nil // pods have addresses of IPv4
	}
	found := []netip.Prefix{whole.Masked()}
	for _, each := range block.Except {
		except, err := netip.ParsePrefix(each)
		if err != nil {
			return nil
		}
		var left []netip.Prefix
		for _, prefix := range found {
			left = append(left, without(prefix, except.Masked())...)
		}
		found = left
	}
	return found
}

// without splits a prefix in halves until each is in the exception or apart from it.
func without(prefix, except netip.Prefix) []netip.Prefix {
	switch {
	case !prefix.Overlaps(except):
		return []netip.Prefix{prefix}
	case except.Bits() <= prefix.Bits():
		return nil
	}
	low := netip.PrefixFrom(prefix.Addr(), prefix.Bits()+1)
	middle := prefix.Addr().As4()
	middle[prefix.Bits()/8] |= 0x80 >> (prefix.Bits() % 8)
	high := netip.PrefixFrom(netip.AddrFrom4(middle), prefix.Bits()+1)
	return append(without(low, except), without(high, except)...)
}

func isNamed(port networking.NetworkPolicyPort) bool {
	return port.Port != nil && port.Port.Type == intstr.String
}

// ports are the ends of rules for the ports of a policy's rule; who answers has the names of named ones.
func ports(wanted []networking.NetworkPolicyPort, answers *pod) []string {
	if len(wanted) == 0 {
		return []string{""}
	}
	var found []string
	for _, each := range wanted {
		protocol := core.ProtocolTCP
		if each.Protocol != nil {
			protocol = *each.Protocol
		}
		add := func(port string) {
			found = append(found, fmt.Sprintf(" -p %s%s", strings.ToLower(string(protocol)), port))
		}
		switch {
		case each.Port == nil:
			add("")
		case each.EndPort != nil:
			add(fmt.Sprintf(" --dport %d:%d", each.Port.IntVal, *each.EndPort))
		case each.Port.Type == intstr.Int:
			add(fmt.Sprintf(" --dport %d", each.Port.IntVal))
		case answers != nil:
			for _, has := range answers.ports {
				if has.Name == each.Port.StrVal && has.Protocol == protocol {
					add(fmt.Sprintf(" --dport %d", has.ContainerPort))
				}
			}
		}
	}
	return found
}
