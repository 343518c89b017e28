package launch

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// templatePage is the most that EC2 returns of launch templates at once.
const templatePage = 200

// templateAPI is what templates need of EC2; *ec2.Client is one.
type templateAPI interface {
	ec2.DescribeLaunchTemplatesAPIClient
	CreateLaunchTemplate(context.Context, *ec2.CreateLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateOutput, error)
	DeleteLaunchTemplate(context.Context, *ec2.DeleteLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateOutput, error)
}

// templates makes launch templates and knows which exist. Since a name stands for a
// content, a template that exists under its name is the right one.
type templates struct {
	api   templateAPI
	clock clock.PassiveClock

	mu     sync.Mutex
	known  map[string]bool
	making map[string]*creation
}

// creation is one call that all who need the same template wait for.
type creation struct {
	done chan struct{}
	err  error // written before done is closed
}

func newTemplates(api templateAPI, clk clock.PassiveClock) *templates {
	return &templates{api: api, clock: clk, known: map[string]bool{}, making: map[string]*creation{}}
}

// ensure makes c exist. It asks EC2 only where this process does not know that it does.
func (t *templates) ensure(ctx context.Context, c content) error {
	t.mu.Lock()
	if t.known[c.name] {
		t.mu.Unlock()
		return nil
	}
	if others, ok := t.making[c.name]; ok {
		t.mu.Unlock()
		return others.wait(ctx)
	}
	own := &creation{done: make(chan struct{})}
	t.making[c.name] = own
	t.mu.Unlock()

	own.err = t.create(ctx, c)
	t.mu.Lock()
	delete(t.making, c.name)
	if own.err == nil {
		t.known[c.name] = true
	}
	t.mu.Unlock()
	close(own.done)
	return own.err
}

func (c *creation) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *templates) create(ctx context.Context, c content) error {
	_, err := t.api.CreateLaunchTemplate(ctx, c.input)
	if awserrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("creating launch template %s: %w", c.name, err)
	}
	log.FromContext(ctx).Info("created launch template", "launch-template", c.name)
	return nil
}

// forget makes the next ensure of names ask EC2.
func (t *templates) forget(names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		delete(t.known, name)
	}
}

// list returns the launch templates that bear all of tags.
func (t *templates) list(ctx context.Context, tags map[string]string) ([]ec2types.LaunchTemplate, error) {
	input := &ec2.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(templatePage)}
	for _, tag := range tagList(tags) {
		input.Filters = append(input.Filters, ec2types.Filter{Name: aws.String("tag:" + *tag.Key), Values: []string{*tag.Value}})
	}
	var found []ec2types.LaunchTemplate
	for pages := ec2.NewDescribeLaunchTemplatesPaginator(t.api, input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describing launch templates: %w", err)
		}
		found = append(found, page.LaunchTemplates...)
	}
	return found, nil
}

// remove deletes template, if it is still there. It is forgotten first: a launch that needs
// it meanwhile makes it anew, or is told by EC2 that it is gone and does so then.
func (t *templates) remove(ctx context.Context, template ec2types.LaunchTemplate) error {
	name := aws.ToString(template.LaunchTemplateName)
	t.forget([]string{name})
	_, err := t.api.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: template.LaunchTemplateId})
	if awserrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting launch template %s: %w", name, err)
	}
	log.FromContext(ctx).Info("deleted launch template", "launch-template", name)
	return nil
}

// refresh learns which templates the cluster has, and deletes those whose user data can
// make no node any more.
func (t *templates) refresh(ctx context.Context, clusterUID string) error {
	found, err := t.list(ctx, map[string]string{v1.ClusterUIDTagKey: clusterUID})
	if err != nil {
		return err
	}
	for _, template := range found {
		if expired(template, t.clock.Now()) {
			if err := t.remove(ctx, template); err != nil {
				return err
			}
			continue
		}
		t.mu.Lock()
		t.known[aws.ToString(template.LaunchTemplateName)] = true
		t.mu.Unlock()
	}
	return nil
}

// expired is false for a template that does not say when it does, or not legibly.
func expired(template ec2types.LaunchTemplate, now time.Time) bool {
	for _, tag := range template.Tags {
		if aws.ToString(tag.Key) != ExpiresTagKey {
			continue
		}
		seconds, err := strconv.ParseInt(aws.ToString(tag.Value), 10, 64)
		return err == nil && now.After(time.Unix(seconds, 0))
	}
	return false
}
