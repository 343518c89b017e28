// Command cluster builds and runs kubeadm control planes for tests: etcd, kube-apiserver, kube-controller-manager and
// kube-scheduler as plain processes on a loopback address of their own, made by kubeadm's init phases. It needs the Go
// command and Linux; no root, no containers, no downloads but Go modules. It is a Go module of its own, so that
// k8s.io/kubernetes stays out of the product's requirements.
//
//	go build -o cluster .          # in this folder
//	./cluster build                # prints the folder of the programs, kubectl among them
//	./cluster up                   # runs one cluster until it is interrupted
//	./cluster down DIR             # ends the cluster whose folder is DIR
//
// build compiles the programs once into the cache (--cache, else $KARPENTER_CACHE, else
// $XDG_CACHE_HOME/karpenter-provider-aws, else ~/.cache/karpenter-provider-aws), keyed by sources, Go release and
// platform. They are one file and a link to it by each name: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, kube-proxy, kubeadm, kubectl, kubelet. --kubernetes names the release, a minor ("1.34") or a patch
// ("1.34.4"); the default is the one in go.mod, older ones are in the folder releases. It shows progress on standard
// error and may run twice at once. Cold it takes five to ten minutes on two cores, 3.3 GB of Go's build cache and
// 200 MB for the result.
//
// up builds what is missing, unless --bin names a folder that build printed. When the cluster is usable, which takes
// about six seconds, it prints one line of JSON on standard output,
//
//	{"kubeconfig":".../admin.conf","endpoint":"127.x.y.z:6443","dir":"...","bin":"..."}
//
// where kubeconfig is the administrator's, dir holds everything of the cluster (log/*.log above all) and bin the
// programs. Steps and times go to standard error. It runs until SIGINT or SIGTERM, or until its standard input ends
// where --until-stdin-closed is given; then it stops the programs, removes dir and exits with code 0. When one of the
// programs ends by itself, up does the same and exits with code 1. When up itself is killed, the kernel ends its
// programs and a small janitor process removes dir. Flags of up:
//
//	--bin DIR                          programs to run; default: built where they are missing
//	--cache DIR, --kubernetes RELEASE  see build
//	--dir DIR                          where the cluster's folder is made; default: $TMPDIR or /tmp
//	--address 127.x.y.z                address; default: a free one of 127.64.0.0/10. A private address (RFC 1918) of
//	                                   this machine's is taken too: real nodes have network namespaces of their own
//	--service-cidr CIDR                default: 10.96.0.0/12, as kubeadm
//	--pod-cidr CIDR                    default: 10.244.0.0/16; "" as in stock kubeadm: nodes get no podCIDR
//	--anonymous-auth=false             refuses anonymous requests; cluster-info is then not public
//	--node-monitor-grace-period D      e.g. 8s; default: the controller manager's own
//	--apiserver-arg NAME=VALUE         one more flag of kube-apiserver; may be repeated
//	--controller-manager-arg, --scheduler-arg likewise
//	--until-stdin-closed               end when standard input does
//
// What a joining node finds is a cluster by kubeadm: CA, bootstrap-token authentication, Node and RBAC authorization,
// NodeRestriction, kubeadm's roles and bindings, auto-approval for its own token group, cluster-info with signatures,
// kubeadm-config, kubelet-config and kube-proxy's ConfigMap of stock content, the signing, bootstrap-signer and
// token-cleaner controllers, and a Service kube-dns. What it does not find: a control plane Node, CoreDNS and kube-proxy
// pods, and an API server at the address in the endpoints of the Service kubernetes.
//
// Exit codes: 0 done, 1 error, 2 wrong usage.
package main
