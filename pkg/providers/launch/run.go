package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/batch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

type result = batch.Result[instance.Instance]

// run launches all of jobs, which are equal but for their claims, with one call.
func (p *Provider) run(ctx context.Context, _ key, jobs []job) []result {
	results := make([]result, len(jobs))
	var attempts []attempt
	places := map[types.UID]int{} // of a claim in jobs
	for i, j := range jobs {
		number, ok := p.ledger.start(j.request.Claim)
		if !ok {
			results[i].Err = errUnderWay
			continue
		}
		attempts = append(attempts, attempt{claim: j.request.Claim, number: number})
		places[j.request.Claim] = i
	}
	if len(attempts) == 0 {
		return results
	}
	// Whoever makes the same call again must name the claims in the same order.
	slices.SortFunc(attempts, func(a, b attempt) int { return cmp.Compare(a.claim, b.claim) })
	a, err := p.launch(ctx, jobs[0], attempts)
	for n, attempt := range attempts {
		results[places[attempt.claim]] = p.settle(attempt.claim, n, len(attempts), a, err)
	}
	return results
}

// settle gives the n'th of asked claims its share of an answer, or the error of the call.
func (p *Provider) settle(claim types.UID, n, asked int, a answer, err error) result {
	switch {
	case err != nil && lost(err):
		p.ledger.lost(claim, err)
		return result{Err: &UncertainError{Claim: claim, Until: p.Clock.Now().Add(ConsistencyWindow), Err: err}}
	case err != nil:
		p.ledger.failed(claim)
		return result{Err: err}
	case n < len(a.instances):
		p.ledger.launched(claim, a.instances[n])
		return result{Value: a.instances[n]}
	default:
		p.ledger.failed(claim)
		return result{Err: a.missing(asked)}
	}
}

// launch asks EC2 for an instance for each attempt. When EC2 does not have a template that
// was there before, it is made again and the call repeated, once.
func (p *Provider) launch(ctx context.Context, j job, attempts []attempt) (answer, error) {
	subnets := p.Addresses.Reserve(j.request.Subnets, j.request.Addresses*len(attempts))
	a, err := p.ask(ctx, j, subnets, attempts)
	if gone(a, err) {
		names := make([]string, len(j.contents))
		for i, c := range j.contents {
			names[i] = c.name
		}
		log.FromContext(ctx).Info("making launch templates again that EC2 no longer has", "launch-templates", names)
		p.templates.forget(names)
		again := slices.Clone(attempts)
		for i := range again {
			again[i].number += repeated // EC2 would answer the same token with the same error
		}
		a, err = p.ask(ctx, j, subnets, again)
	}
	p.giveBack(j.request, subnets, len(attempts), a, err)
	p.remember(j.request, a)
	return a, err
}

// repeated tells the number of an attempt's second call from those of later attempts.
const repeated = 1 << 16

func gone(a answer, err error) bool {
	return isTemplateGone(awserrors.Code(err)) || err == nil && a.templateGone()
}

// ask makes one call to EC2.
func (p *Provider) ask(ctx context.Context, j job, subnets map[string]string, attempts []attempt) (answer, error) {
	claims := make([]types.UID, len(attempts))
	for i, a := range attempts {
		claims[i] = a.claim
	}
	input := newFleet(j.request, j.contents, subnets, claims)
	if len(input.LaunchTemplateConfigs) == 0 {
		return answer{}, &CapacityError{Err: errNoSubnet}
	}
	for _, c := range j.contents {
		if err := p.templates.ensure(ctx, c); err != nil {
			return answer{}, refusedCall(err)
		}
	}
	token, err := clientToken(input, attempts)
	if err != nil {
		return answer{}, err
	}
	input.ClientToken = aws.String(token)
	return p.createFleet(ctx, input, j.request)
}

// createFleet tells a refusal of EC2's from a call whose outcome is not known. When the SDK
// retried after an attempt that was lost, only an answer to the same token settles what
// became of it: a refusal, throttling for one, may be of the last attempt alone.
func (p *Provider) createFleet(ctx context.Context, input *ec2.CreateFleetInput, req Request) (answer, error) {
	var w witness
	out, err := p.API.CreateFleet(ctx, input, w.watch)
	switch {
	case err != nil && (w.lost || awserrors.OutcomeUnknown(err)):
		return answer{}, &lostError{err: fmt.Errorf("creating fleet: %w", err)}
	case err != nil:
		return answer{}, refusedCall(fmt.Errorf("creating fleet: %w", err))
	}
	a, err := readAnswer(out, req)
	if err != nil {
		return answer{}, &lostError{err: err}
	}
	return a, nil
}

// giveBack returns the addresses that were reserved for instances that were not started.
// After a call without an answer all stay reserved, until the count of EC2's is fresh.
func (p *Provider) giveBack(req Request, subnets map[string]string, asked int, a answer, err error) {
	if err != nil && lost(err) {
		return
	}
	used := map[string]int{}
	for _, i := range a.instances {
		used[i.SubnetID]++
	}
	for _, subnet := range subnets {
		p.Addresses.Release(subnet, req.Addresses*(asked-used[subnet]))
	}
}

// remember counts refusals and has the pools that EC2 refused left alone for a while.
func (p *Provider) remember(req Request, a answer) {
	for _, r := range a.refusals {
		reason, _ := reasonOf([]refusal{r})
		launchFailures.Inc(map[string]string{
			labelZone.Name: r.Pool.Zone, labelZoneID.Name: zoneID(req, r.Pool.Zone),
			labelCapacityType.Name: req.CapacityType, labelReason.Name: reason,
		})
		switch {
		case r.Code == codeNoSpotRole:
			p.Refuser.RefuseCapacityType(karpv1.CapacityTypeSpot, r.Error())
		case r.Code == codeNoAddresses && r.Subnet != "":
			p.Refuser.RefuseSubnet(r.Subnet, r.Error())
		case r.isCapacity() && r.Pool.Zone != "":
			p.Refuser.Refuse([]pool.Pool{r.Pool}, r.Error())
		}
	}
}
