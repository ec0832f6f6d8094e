// What the API server and the controllers of Kubeflow publish of their APIs: OpenAPI documents, definitions of resources,
// charts. Nothing of it is compiled, so go.sum holds these modules alone.
module ai-datacenter/toolchain/kubernetes/sources

go 1.25.11

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/kserve/kserve v0.20.0
	github.com/kubeflow/trainer/v2 v2.2.1
	k8s.io/api v0.34.4
	k8s.io/kubernetes v1.34.4
	sigs.k8s.io/jobset v0.12.0
	sigs.k8s.io/kueue v0.19.2
	sigs.k8s.io/lws v0.9.0
)
