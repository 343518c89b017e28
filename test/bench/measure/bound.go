package measure

import (
	"math"
)

// Shape is what pods of one kind request.
type Shape struct {
	CPU    float64 // cores
	Memory float64 // bytes
	Count  int
}

// Offer is a kind of node that could be bought: all that it has, though a node keeps some for itself.
type Offer struct {
	CPU    float64
	Memory float64
	Price  float64 // USD per hour
}

// Bound is a price per hour that no set of nodes from offers on which all pods fit can
// undercut. It is the larger of two bounds that each hold:
//
//   - prices for a core and a byte such that no node costs less than what it has is worth at
//     them (the dual of the linear program that allows fractions of nodes); the pods are then
//     worth at most what any nodes cost that hold them;
//   - where all pods are alike, the least cost per pod of any node, which holds a whole number of them.
func Bound(shapes []Shape, offers []Offer) float64 {
	var cpu, memory float64
	for _, s := range shapes {
		cpu += s.CPU * float64(s.Count)
		memory += s.Memory * float64(s.Count)
	}
	bound := dual(cpu, memory, offers)
	if len(shapes) == 1 {
		bound = max(bound, alike(shapes[0], offers))
	}
	return bound
}

// alike is the cost of equal pods where each takes its share of the node that is cheapest per pod.
func alike(s Shape, offers []Offer) float64 {
	least := math.Inf(1)
	for _, o := range offers {
		fit := math.Floor(min(o.CPU/s.CPU, o.Memory/s.Memory))
		if fit >= 1 {
			least = min(least, o.Price/fit)
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least * float64(s.Count)
}

// dual maximises a*cpu + b*memory over a, b >= 0 with a*CPU + b*Memory <= Price for each
// offer. The best point is where two of the lines meet, or one of them an axis.
func dual(cpu, memory float64, offers []Offer) float64 {
	best := 0.0
	try := func(a, b float64) {
		if a < 0 || b < 0 || a*cpu+b*memory <= best {
			return
		}
		for _, o := range offers {
			if a*o.CPU+b*o.Memory > o.Price*(1+1e-9) {
				return
			}
		}
		best = a*cpu + b*memory
	}
	for i, o := range offers {
		try(o.Price/o.CPU, 0)
		try(0, o.Price/o.Memory)
		for _, p := range offers[:i] {
			det := o.CPU*p.Memory - p.CPU*o.Memory
			if math.Abs(det) > 1e-9 {
				try((o.Price*p.Memory-p.Price*o.Memory)/det, (o.CPU*p.Price-p.CPU*o.Price)/det)
			}
		}
	}
	return best
}
