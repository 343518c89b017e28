package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/chart"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/proxy"
)

// access is what the controllers of one process asked of the API server and of AWS.
type access struct {
	Requests []proxy.Request
	Unused   []string // patterns of the IAM policy that allowed nothing
	Denied   []string // by the IAM policy
}

// accessDir is shared by the processes of one run: they have one parent.
func accessDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("karpenter-access-%d", os.Getppid()))
}

func writeAccess(e *env.Env) {
	GinkgoHelper()
	a := access{Unused: e.UnusedStatements(), Denied: e.DeniedCalls()}
	for request := range e.Proxy.Seen() {
		a.Requests = append(a.Requests, request)
	}
	content, err := json.Marshal(a)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.MkdirAll(accessDir(), 0o700)).To(Succeed())
	name := fmt.Sprintf("%d.json", GinkgoParallelProcess())
	Expect(os.WriteFile(filepath.Join(accessDir(), name), content, 0o600)).To(Succeed())
}

func readAccess() access {
	GinkgoHelper()
	var all access
	files, err := filepath.Glob(filepath.Join(accessDir(), "*.json"))
	Expect(err).NotTo(HaveOccurred())
	for i, file := range files {
		content, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		var one access
		Expect(json.Unmarshal(content, &one)).To(Succeed())
		all.Requests = append(all.Requests, one.Requests...)
		if i == 0 {
			all.Unused = one.Unused
		}
		// Unused is what none of the processes used.
		all.Unused = slices.DeleteFunc(all.Unused, func(line string) bool { return !slices.Contains(one.Unused, line) })
		all.Denied = append(all.Denied, one.Denied...)
	}
	Expect(os.RemoveAll(accessDir())).To(Succeed())
	return all
}

// checkAccess fails the run when the chart or the IAM policy lacks something that the
// controller asked for, and lists what they have and no spec used.
func checkAccess() {
	GinkgoHelper()
	all := readAccess()
	if world().Deployed() {
		return // nobody saw the requests
	}
	var refused []string
	for _, r := range all.Requests {
		if r.Status == 403 {
			refused = append(refused, fmt.Sprintf("%+v", r))
		}
	}
	report("permissions in charts/karpenter that no spec used", unusedRules(all.Requests))
	report("statements in charts/karpenter/iam/controller-policy.json that no spec used", all.Unused)
	Expect(refused).To(BeEmpty(), "requests for which charts/karpenter has no rule")
	Expect(all.Denied).To(BeEmpty(), "calls for which charts/karpenter/iam/controller-policy.json has no statement")
}

func report(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	sort.Strings(lines)
	fmt.Printf("\n%s:\n", title)
	for _, line := range slices.Compact(lines) {
		fmt.Println("  " + line)
	}
}

// unusedRules lists verb and resource of each rule of the chart that no request needed.
func unusedRules(requests []proxy.Request) []string {
	GinkgoHelper()
	var unused []string
	for _, object := range chart.Kind(world().ChartObjects(), "Role", "ClusterRole") {
		if object.GetLabels()["rbac.authorization.k8s.io/aggregate-to-admin"] != "" {
			continue // for people, not for the controller
		}
		var role rbacv1.Role
		Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role)).To(Succeed())
		for _, rule := range role.Rules {
			unused = append(unused, unusedOf(rule, role.Namespace, requests)...)
		}
	}
	return unused
}

func unusedOf(rule rbacv1.PolicyRule, namespace string, requests []proxy.Request) []string {
	var unused []string
	for _, resource := range rule.Resources {
		for _, verb := range rule.Verbs {
			needed := slices.ContainsFunc(requests, func(r proxy.Request) bool {
				return r.Is(verb, resource) && slices.Contains(rule.APIGroups, r.Group) &&
					(namespace == "" || r.Namespace == namespace) &&
					(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, r.Name))
			})
			if !needed && verb != "approve" { // the API server checks that one itself, within another request
				unused = append(unused, fmt.Sprintf("%s %s.%s %s", verb, resource, rule.APIGroups[0], namespace))
			}
		}
	}
	return unused
}
