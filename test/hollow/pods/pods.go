// Package pods plays the pods of hollow nodes with KWOK's pod controller and its own stages.
//
// It answers when a pod bound to a hollow node runs, completes and is gone. It talks to the
// API server with one watch for the pods of all nodes. It remembers which nodes are up,
// as their kubelets tell it: pods of a node that is down are left as they are, as in
// life, and looked at again when it comes up. KWOK's node and lease controllers are not
// used, since hollow kubelets do both themselves. It fails only at start; after that KWOK retries.
package pods

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	clientcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	podstages "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/config/resources"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/informer"
	"sigs.k8s.io/kwok/pkg/utils/lifecycle"
)

const (
	// podCIDR is where pods get addresses from; overlay addresses need not be unique over nodes, but are.
	podCIDR = "10.244.0.0/16"
	// parallelism is how many pods change at once: enough for hundreds of pods a second.
	parallelism = 16
)

// Player plays pods. It implements kubelet.Pods.
type Player struct {
	events chan informer.Event[*corev1.Pod]
	pods   *informer.Informer[*corev1.Pod, *corev1.PodList]
	ctx    context.Context // the player's life, for what nodes start in it

	mu    sync.RWMutex
	nodes map[string]*corev1.Node
}

// Start returns a player that plays until ctx ends. Config may change pods, their status
// and delete them, in every namespace.
func Start(ctx context.Context, cfg *rest.Config) (*Player, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing client for pods: %w", err)
	}
	ctx = log.NewContext(ctx, log.NewLogger(lines{ctrllog.FromContext(ctx).WithName("kwok")}, slog.LevelError))
	stages, err := stages()
	if err != nil {
		return nil, err
	}
	p := &Player{
		events: make(chan informer.Event[*corev1.Pod], 1), pods: informer.NewInformer[*corev1.Pod, *corev1.PodList](client.CoreV1().Pods(corev1.NamespaceAll)),
		ctx: ctx, nodes: map[string]*corev1.Node{},
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx)) // it logs to ctx's, and ends with it
	broadcaster.StartRecordingToSink(&clientcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	controller, err := controllers.NewPodController(controllers.PodControllerConfig{
		Clock: clock.RealClock{}, TypedClient: client, NodeCacheGetter: getter{p}, CIDR: podCIDR, PlayStageParallelism: parallelism,
		Lifecycle: resources.NewStaticGetter(stages), Recorder: broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"}),
		NodeGetFunc: func(name string) (*controllers.NodeInfo, bool) {
			_, up := p.node(name)
			return &controllers.NodeInfo{}, up
		},
	})
	if err != nil {
		return nil, fmt.Errorf("preparing KWOK's pod controller: %w", err)
	}
	if err := p.pods.Watch(ctx, informer.Option{FieldSelector: fields.OneTermNotEqualSelector("spec.nodeName", "").String()}, p.events); err != nil {
		return nil, fmt.Errorf("watching pods: %w", err)
	}
	return p, controller.Start(ctx, p.events)
}

// lines hands KWOK's log, which has errors only, to the log of whoever started the player.
type lines struct{ log logr.Logger }

func (l lines) Write(p []byte) (int, error) {
	l.log.Info(strings.TrimSpace(string(p)))
	return len(p), nil
}

// stages are KWOK's own for pods that start, complete and go at once.
func stages() (lifecycle.Lifecycle, error) {
	var all []*internalversion.Stage
	for _, text := range []string{podstages.DefaultPodReady, podstages.DefaultPodComplete, podstages.DefaultPodDelete} {
		objects, err := config.UnmarshalWithType[*internalversion.Stage, string](text)
		if err != nil {
			return nil, fmt.Errorf("reading KWOK's stages: %w", err)
		}
		all = append(all, objects)
	}
	made, err := lifecycle.NewLifecycle(all)
	if err != nil {
		return nil, fmt.Errorf("reading KWOK's stages: %w", err)
	}
	return made, nil
}

// NodeUp lets the pods of node run, those that are bound already too.
func (p *Player) NodeUp(node *corev1.Node) {
	p.mu.Lock()
	p.nodes[node.Name] = node
	p.mu.Unlock()
	go func() {
		// KWOK's watch saw pods that were bound while the node was down, and passed over them.
		_ = p.pods.Sync(p.ctx, informer.Option{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node.Name).String()}, p.events)
	}()
}

// NodeDown leaves the pods of a node as they are from now on.
func (p *Player) NodeDown(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.nodes, name)
}

func (p *Player) node(name string) (*corev1.Node, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	node, up := p.nodes[name]
	return node, up
}

// getter gives KWOK the nodes that are up, without a watch of its own.
type getter struct{ player *Player }

func (g getter) Get(name string) (*corev1.Node, bool) { return g.player.node(name) }

func (g getter) GetWithNamespace(name, _ string) (*corev1.Node, bool) { return g.player.node(name) }

func (g getter) List() []*corev1.Node {
	g.player.mu.RLock()
	defer g.player.mu.RUnlock()
	all := make([]*corev1.Node, 0, len(g.player.nodes))
	for _, node := range g.player.nodes {
		all = append(all, node)
	}
	return all
}
