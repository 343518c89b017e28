// Command routes runs on every node of the cluster and lays a route to the pods of every
// other node. The rest of the pod network is containerd's: it writes a CNI configuration
// when the kubelet tells it the node's podCIDR.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// every is how long a new node may be without routes; the list is small.
	every          = 2 * time.Second
	requestTimeout = 10 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv("HOST_IP"))
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run keeps the routes of the node that has the address own.
func run(ctx context.Context, own string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	config.Timeout = requestTimeout
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := lay(ctx, client, own); err != nil {
			log.Print(err) // another attempt follows: Services work when kube-proxy does
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lay lays a route to every other node that has an address and a podCIDR already.
func lay(ctx context.Context, client kubernetes.Interface, own string) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	for i := range nodes.Items {
		node := &nodes.Items[i]
		address := internal(node)
		if address == nil || address.String() == own || node.Spec.PodCIDR == "" {
			continue
		}
		_, pods, err := net.ParseCIDR(node.Spec.PodCIDR)
		if err != nil {
			return fmt.Errorf("reading the podCIDR of %s: %w", node.Name, err)
		}
		if err := netlink.RouteReplace(&netlink.Route{Dst: pods, Gw: address}); err != nil {
			return fmt.Errorf("laying a route to %s by %s: %w", pods, address, err)
		}
	}
	return nil
}

func internal(node *corev1.Node) net.IP {
	at := slices.IndexFunc(node.Status.Addresses, func(a corev1.NodeAddress) bool { return a.Type == corev1.NodeInternalIP })
	if at < 0 {
		return nil
	}
	return net.ParseIP(node.Status.Addresses[at].Address).To4()
}
