package scenario

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/measure"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const gib = 1 << 30

// single is the pod of which a node of two cores holds one.
var single = env.Workload{Name: "single", CPU: "1100m", Memory: "1Gi"}

func singleShape() measure.Shape { return measure.Shape{CPU: 1.1, Memory: gib} }

func singlePool() arena.Pool {
	return arena.Pool{Name: "single", CPUs: []int{2}, CapacityType: ec2.OnDemand}
}

// class creates the NodeClass and waits until the controller has accepted it.
func (s *stage) class(ctx context.Context) error {
	if err := s.CreateClass(ctx); err != nil {
		return err
	}
	return s.until(ctx, func() (bool, string) {
		class := &v1.EC2NodeClass{}
		if err := s.Admin.Get(ctx, client.ObjectKey{Name: arena.ClassName}, class); err != nil {
			return false, err.Error()
		}
		var why string
		for _, condition := range class.GetConditions() {
			if condition.Status != "True" {
				why += " " + condition.Type + ": " + condition.Message
			}
		}
		return class.StatusConditions().Root().IsTrue(), "waiting for the EC2NodeClass:" + why
	})
}

// with creates the class and a pool.
func (s *stage) with(ctx context.Context, pool arena.Pool) error {
	s.offers = pool.Offers()
	if err := s.class(ctx); err != nil {
		return err
	}
	return s.CreatePool(ctx, pool)
}

func onePerNode(ctx context.Context, s *stage) error { return s.with(ctx, singlePool()) }

// burst is N pods at once.
func burst(ctx context.Context, s *stage) error {
	w := single
	w.Replicas = int32(s.n)
	if err := s.deploy(ctx, w, singleShape()); err != nil {
		return err
	}
	return s.running(ctx, s.n)
}

// onePerNodeUp is a burst that is not measured.
func onePerNodeUp(ctx context.Context, s *stage) error {
	if err := onePerNode(ctx, s); err != nil {
		return err
	}
	return burst(ctx, s)
}

// fleet makes N nodes of one pod each, unless the scenario before has left them.
func fleet(ctx context.Context, s *stage) error {
	if s.claims() == 0 {
		return onePerNodeUp(ctx, s)
	}
	s.offers = singlePool().Offers()
	shape := singleShape()
	shape.Count = s.n
	s.shapes = append(s.shapes, shape)
	return s.running(ctx, s.n)
}

// steady leaves the nodes alone.
func steady(ctx context.Context, s *stage) error {
	end := time.Now().Add(s.options.Steady)
	err := s.until(ctx, func() (bool, string) {
		left := time.Until(end)
		return left <= 0, fmt.Sprintf("%d nodes, %.0f s left", s.nodes(), left.Seconds())
	})
	return err
}

// restart kills the controller and lets a pod wait for the next one.
func restart(ctx context.Context, s *stage) error {
	probe := single
	probe.Name, probe.Replicas = "probe", 1
	if err := s.deploy(ctx, probe, singleShape()); err != nil {
		return err
	}
	s.shapes = []measure.Shape{{CPU: 1.1, Memory: gib, Count: s.n + 1}}
	killed := time.Now()
	if err := s.KillController(ctx); err != nil {
		return err
	}
	s.row.Notes["ready after s"] = time.Since(killed).Seconds()
	return s.running(ctx, s.n+1)
}

func anySize(ctx context.Context, s *stage) error {
	return s.with(ctx, arena.Pool{Name: "any", CapacityType: ec2.OnDemand})
}

// dense is ten times N pods of six shapes.
func dense(ctx context.Context, s *stage) error {
	left := 10 * s.n
	shapes := []struct {
		cpu, memory string
		shape       measure.Shape
	}{
		{"250m", "512Mi", measure.Shape{CPU: 0.25, Memory: gib / 2}}, {"500m", "1Gi", measure.Shape{CPU: 0.5, Memory: gib}},
		{"500m", "4Gi", measure.Shape{CPU: 0.5, Memory: 4 * gib}}, {"1", "2Gi", measure.Shape{CPU: 1, Memory: 2 * gib}},
		{"2", "4Gi", measure.Shape{CPU: 2, Memory: 4 * gib}}, {"2", "12Gi", measure.Shape{CPU: 2, Memory: 12 * gib}},
	}
	for i, kind := range shapes {
		count := left / (len(shapes) - i)
		left -= count
		w := env.Workload{Name: "dense-" + strconv.Itoa(i), Replicas: int32(count), CPU: kind.cpu, Memory: kind.memory}
		if err := s.deploy(ctx, w, kind.shape); err != nil {
			return err
		}
	}
	return s.running(ctx, 10*s.n)
}

// poolCount is that of a user whose controller took 5 GiB (cloudpilot-ai/karpenter-provider-gcp#604).
const poolCount = 63

func tenant(i int) map[string]string {
	return map[string]string{"bench/tenant": "tenant-" + strconv.Itoa(i)}
}

func manyPools(ctx context.Context, s *stage) error {
	s.offers = singlePool().Offers()
	if err := s.class(ctx); err != nil {
		return err
	}
	for i := range poolCount {
		pool := singlePool()
		pool.Name, pool.Labels = "tenant-"+strconv.Itoa(i), tenant(i)
		if err := s.CreatePool(ctx, pool); err != nil {
			return err
		}
	}
	return nil
}

// spread is N pods over all of the pools.
func spread(ctx context.Context, s *stage) error {
	left := s.n
	for i := range poolCount {
		w := single
		w.Name, w.NodeSelector = "tenant-"+strconv.Itoa(i), tenant(i)
		w.Replicas = int32(left / (poolCount - i))
		left -= int(w.Replicas)
		if err := s.deploy(ctx, w, singleShape()); err != nil {
			return err
		}
	}
	s.shapes = []measure.Shape{{CPU: 1.1, Memory: gib, Count: s.n}}
	return s.running(ctx, s.n)
}

// starve leaves capacity in three types only: those whose prices are nine tenths of the way to the dearest.
func starve(ctx context.Context, s *stage) error {
	type sold struct {
		name  string
		price float64
	}
	var types []sold
	for _, t := range catalogue.Types() {
		price, ok := catalogue.Price(arena.Region, t.Name)
		if ok && singlePool().Matches(t) && slices.Contains(t.Architectures, "x86_64") && t.CurrentGeneration {
			types = append(types, sold{t.Name, price})
		}
	}
	slices.SortFunc(types, func(a, b sold) int {
		if a.price < b.price {
			return -1
		}
		return 1
	})
	if err := s.AWS.EC2.SetCapacity(arena.Region, ec2.Pool{}, 0); err != nil {
		return err
	}
	at := len(types) * 9 / 10
	for _, t := range types[max(0, at-3):at] {
		if err := s.AWS.EC2.SetCapacity(arena.Region, ec2.Pool{Type: t.name}, s.n); err != nil {
			return err
		}
	}
	return onePerNode(ctx, s)
}
