package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/measure"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

// pair is the pod of which a node of four cores holds two.
var pair = env.Workload{Name: "pair", CPU: "1500m", Memory: "1Gi"}

// quiet is how long nothing may change before consolidation is taken to have ended: longer
// than the minute for which a decision of Karpenter's core is looked at again.
const quiet = 3 * time.Minute

func pairs(ctx context.Context, s *stage) error {
	err := s.with(ctx, arena.Pool{
		Name: "pair", CPUs: []int{4}, CapacityType: ec2.OnDemand, Consolidation: karpv1.ConsolidationPolicyWhenEmptyOrUnderutilized,
	})
	if err != nil {
		return err
	}
	w := pair
	w.Replicas = int32(2 * s.n)
	if err := s.deploy(ctx, w, measure.Shape{CPU: 1.5, Memory: gib}); err != nil {
		return err
	}
	return s.running(ctx, 2*s.n)
}

// halve takes half of the pods away and waits until the nodes are as few as they can be, or
// stay as they are.
func halve(ctx context.Context, s *stage) error {
	s.shapes[0].Count = s.n
	if err := pair.Scale(ctx, s.Admin, int32(s.n)); err != nil {
		return fmt.Errorf("scaling down: %w", err)
	}
	least, last, changed := (s.n+1)/2, s.nodes(), time.Now()
	err := s.until(ctx, func() (bool, string) {
		nodes := s.nodes()
		if nodes != last {
			last, changed = nodes, time.Now()
		}
		return nodes == least && s.claims() == nodes || time.Since(changed) > quiet,
			fmt.Sprintf("%d nodes, %d would do", nodes, least)
	})
	s.row.Notes["nodes more than needed"] = float64(s.nodes() - least)
	s.row.Notes["last change after s"] = changed.Sub(s.began).Seconds()
	if err != nil {
		return err
	}
	return s.running(ctx, s.n)
}

// drift changes the class and waits until no node of old is left.
func drift(ctx context.Context, s *stage) error {
	old := map[string]bool{}
	for _, c := range s.Observer.Claims() {
		old[c.Name] = true
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"tags": map[string]string{"generation": "2"}}})
	if err != nil {
		return err
	}
	class := &v1.EC2NodeClass{}
	class.Name = arena.ClassName
	if err := s.Admin.Patch(ctx, class, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("changing the EC2NodeClass: %w", err)
	}
	err = s.until(ctx, func() (bool, string) {
		left := 0
		for _, c := range s.Observer.Claims() {
			if old[c.Name] && !c.Deleted {
				left++
			}
		}
		return left == 0, fmt.Sprintf("%d of %d nodes of old are left, %d claims", left, len(old), s.claims())
	})
	if err != nil {
		return err
	}
	return s.running(ctx, s.n)
}

func spotUp(ctx context.Context, s *stage) error {
	pool := singlePool()
	pool.CapacityType = ec2.Spot
	if err := s.with(ctx, pool); err != nil {
		return err
	}
	s.offers = nil // what spot capacity costs, EC2 decides by the hour: there is no bound
	return burst(ctx, s)
}

// notice is how long before it takes a spot instance EC2 says so.
const notice = 2 * time.Minute

// storm takes half of the instances, with notice.
func storm(ctx context.Context, s *stage) error {
	all, err := s.Fleet()
	if err != nil {
		return err
	}
	taken := all[:len(all)/2]
	for _, i := range taken {
		if err := s.AWS.SQS.Send(arena.Region, arena.Queue, warning(i.ID)); err != nil {
			return err
		}
	}
	saved := 0
	err = s.until(ctx, func() (bool, string) {
		saved = s.ended(taken)
		return saved == len(taken) || time.Since(s.began) > notice, fmt.Sprintf("%d of %d instances were let go in time", saved, len(taken))
	})
	if err != nil {
		return err
	}
	s.row.Notes["let go in time"], s.row.Notes["taken"] = float64(saved), float64(len(taken)-saved)
	for _, i := range taken {
		if err := s.AWS.EC2.Reclaim(arena.Region, i.ID); err != nil { // nothing happens to those that have ended
			return err
		}
	}
	if err := s.running(ctx, s.n); err != nil {
		return err
	}
	if saved == 0 {
		return fmt.Errorf("no warning was acted on: 0 of %d instances were let go in the two minutes before EC2 took them; all pods ran again at the end", len(taken))
	}
	return nil
}

// ended counts the instances of some that do not run any more.
func (s *stage) ended(some []arena.Machine) int {
	fleet, err := s.Fleet()
	if err != nil {
		return 0
	}
	alive := map[string]bool{}
	for _, i := range fleet {
		alive[i.ID] = i.Alive
	}
	n := 0
	for _, i := range some {
		if !alive[i.ID] {
			n++
		}
	}
	return n
}

// warning is EventBridge's event of an interruption to come, as its rule puts it into the queue.
func warning(id string) string {
	now := time.Now().UTC().Format(time.RFC3339)
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": "bench-" + id, "detail-type": "EC2 Spot Instance Interruption Warning", "source": "aws.ec2",
		"account": "000000000000", "time": now, "region": arena.Region, "resources": []string{"arn:aws:ec2:" + arena.Region + ":000000000000:instance/" + id},
		"detail": map[string]string{"instance-id": id, "instance-action": "terminate"},
	})
	if err != nil {
		panic(err) // strings only
	}
	return string(event)
}
