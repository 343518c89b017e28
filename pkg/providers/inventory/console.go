package inventory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/utils/clock"

	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const (
	// consoleAge is how old a console may be. It is read for people, who look once a minute
	// at most, and EC2 gives one instance's in a call.
	consoleAge = time.Minute
	// consoleRefused is how long nothing is asked once EC2 has said that we may not.
	consoleRefused = 10 * time.Minute
	// consolesPerMinute bounds the calls when very many nodes are late at once, which has one
	// cause: the first few consoles tell it. EC2 allows some hundred.
	consolesPerMinute = 30

	// codeNoLatest is EC2's answer for instances that only show what they wrote as they started.
	codeNoLatest = "UnsupportedOperation"
)

// ErrNoConsole says that the console was not asked for, or may not be: it is one help among
// others, and does without permission or at a busy time.
var ErrNoConsole = errors.New("console output is not available")

// Consoles reads consoles; *ec2.Client does.
type Consoles interface {
	GetConsoleOutput(context.Context, *ec2.GetConsoleOutputInput, ...func(*ec2.Options)) (*ec2.GetConsoleOutputOutput, error)
}

// Console returns what an instance has written to its serial console lately, at most
// 64 KiB, without the secrets that join.Scrub knows. It is up to a minute old. Its error is
// ErrNoConsole where it cannot be had now.
func (p *Provider) Console(ctx context.Context, id instance.ID) (string, error) {
	if p.Consoles == nil {
		return "", ErrNoConsole
	}
	if text, ok := p.consoles.Get(string(id)); ok {
		return text, nil
	}
	if !p.budget.take() {
		return "", ErrNoConsole
	}
	return p.consoles.GetOrLoad(ctx, string(id), func(ctx context.Context) (string, error) { return p.console(ctx, id) })
}

func (p *Provider) console(ctx context.Context, id instance.ID) (string, error) {
	in := &ec2.GetConsoleOutputInput{InstanceId: aws.String(string(id)), Latest: aws.Bool(true)}
	out, err := p.Consoles.GetConsoleOutput(ctx, in)
	if awserrors.Code(err) == codeNoLatest {
		in.Latest = nil
		out, err = p.Consoles.GetConsoleOutput(ctx, in)
	}
	if awserrors.IsUnauthorized(err) {
		p.budget.rest(consoleRefused)
		return "", fmt.Errorf("%w: %w", ErrNoConsole, err)
	}
	if err != nil {
		return "", fmt.Errorf("reading console output: %w", notFound(id, err))
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
	if err != nil {
		return "", fmt.Errorf("decoding console output of %s: %w", id, err)
	}
	return join.Scrub(string(text)), nil
}

// budget is so many calls in a minute.
type budget struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	from  time.Time // when the minute began; in the future while nothing may be asked
	taken int
}

func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if now.Before(b.from) {
		return false
	}
	if now.Sub(b.from) >= time.Minute {
		b.from, b.taken = now, 0
	}
	if b.taken >= consolesPerMinute {
		return false
	}
	b.taken++
	return true
}

// rest lets nothing be asked for a while.
func (b *budget) rest(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from, b.taken = b.clock.Now().Add(d), 0
}
