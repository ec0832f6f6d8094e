package main

import (
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	patience = 10 * time.Second // with the API, which has told the kubelet of a pod and not us
	retry    = time.Second
)

type enforcer struct {
	network    netip.Prefix
	dns        pod
	pods       cache.Store
	namespaces cache.Store
	policies   cache.Store
	changed    chan struct{}

	mutex   sync.Mutex
	told    map[types.UID]netip.Addr // of pods, by the plugin: the API learns a pod's address after its start
	inForce string
}

func enforce(kubeconfig, node string, network netip.Prefix, dns netip.Addr) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	e := &enforcer{
		network: network,
		dns:     dnsPod(dns),
		changed: make(chan struct{}, 1),
		told:    map[types.UID]netip.Addr{},
	}
	everything, ours := fields.Everything(), fields.OneTermEqualSelector("spec.nodeName", node)
	var synced [3]cache.InformerSynced
	e.pods, synced[0] = e.watch(client.CoreV1().RESTClient(), "pods", ours, &core.Pod{})
	e.namespaces, synced[1] = e.watch(client.CoreV1().RESTClient(), "namespaces", everything, &core.Namespace{})
	e.policies, synced[2] = e.watch(
		client.NetworkingV1().RESTClient(), "networkpolicies", everything, &networking.NetworkPolicy{},
	)
	cache.WaitForCacheSync(nil, synced[:]...)
	go e.follow()
	http.HandleFunc("GET /healthz", e.health)
	http.HandleFunc("POST /pods", e.add)
	return http.ListenAndServe(server, nil)
}

// watch keeps the objects of a resource; each change of one is a reason to look at the rules.
func (e *enforcer) watch(
	client cache.Getter, resource string, which fields.Selector, kind runtime.Object,
) (cache.Store, cache.InformerSynced) {
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(client, resource, core.NamespaceAll, which),
		ObjectType:    kind,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { e.wake() },
			UpdateFunc: func(any, any) { e.wake() },
			DeleteFunc: func(any) { e.wake() },
		},
	})
	go informer.Run(nil)
	return store, informer.HasSynced
}

func (e *enforcer) wake() {
	select {
	case e.changed <- struct{}{}:
	default: // somebody is to look already
	}
}

func (e *enforcer) follow() {
	e.wake()
	for range e.changed {
		if err := e.apply(); err != nil {
			log.Print(err)
			time.Sleep(retry)
			e.wake()
		}
	}
}

// apply puts the rules in force that follow from what is known, as a whole and at once.
func (e *enforcer) apply() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	wanted := rules(e.world())
	if wanted == e.inForce {
		return nil
	}
	command := exec.Command("iptables-restore", "--table=security") // which nobody else uses
	command.Stdin = strings.NewReader(wanted)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("iptables-restore: %w: %s\n%s", err, said, wanted)
	}
	e.inForce = wanted
	return nil
}

// world is what is known; whoever was told of and is no longer there is forgotten.
func (e *enforcer) world() world {
	known := world{network: e.network, pods: []pod{e.dns}, namespaces: map[string]*core.Namespace{}}
	told, taken := map[types.UID]netip.Addr{}, map[netip.Addr]bool{}
	for _, address := range e.told {
		taken[address] = true
	}
	for _, each := range e.pods.List() {
		object := each.(*core.Pod)
		address, is := e.told[object.UID]
		if is {
			told[object.UID] = address
		} else if address, _ = netip.ParseAddr(object.Status.PodIP); taken[address] {
			continue // the API has the address that this pod had before the node was started anew
		}
		if made, has := newPod(object, address); has {
			known.pods = append(known.pods, made)
		}
	}
	e.told = told
	for _, each := range e.namespaces.List() {
		known.namespaces[each.(*core.Namespace).Name] = each.(*core.Namespace)
	}
	for _, each := range e.policies.List() {
		known.policies = append(known.policies, each.(*networking.NetworkPolicy))
	}
	return known
}

// add takes a pod's address and answers when the rules for it are in force.
func (e *enforcer) add(answer http.ResponseWriter, asked *http.Request) {
	uid := types.UID(asked.FormValue("uid"))
	address, err := netip.ParseAddr(asked.FormValue("address"))
	for until := time.Now().Add(patience); err == nil && !e.knows(uid); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			err = fmt.Errorf("the API has no pod of uid %q on this node", uid)
		}
	}
	if err == nil {
		e.mutex.Lock()
		e.told[uid] = address
		e.mutex.Unlock()
		err = e.apply()
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
	}
}

func (e *enforcer) knows(uid types.UID) bool {
	for _, each := range e.pods.List() {
		if each.(*core.Pod).UID == uid {
			return true
		}
	}
	return false
}

func (e *enforcer) health(answer http.ResponseWriter, _ *http.Request) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.inForce == "" {
		http.Error(answer, "no rules are in force yet", http.StatusServiceUnavailable)
	}
}
