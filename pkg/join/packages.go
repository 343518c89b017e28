package join

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// SkewError is a kubelet that user data installs and that Kubernetes does not support with
// the cluster's API server. It is a *SpecError too.
type SkewError struct {
	Kubelet cluster.Version // without patch
	Found   string          // what says so in user data
	Cluster cluster.Version
}

func (e *SkewError) Error() string { return e.Unwrap().Error() }

// Unwrap is the same as input that cannot be rendered.
func (e *SkewError) Unwrap() error {
	oldest := e.Cluster.Minor - cluster.KubeletSkew(e.Kubelet)
	return &SpecError{Field: "spec.userData", Problem: fmt.Sprintf(
		"%q installs kubelet %s, and the cluster's API server is %s, which takes kubelets from %d.%d to %s; name v%s there, "+
			"or install no kubelet: Karpenter installs the cluster's version", e.Found, e.Kubelet.MinorString(), e.Cluster.MinorString(),
		e.Cluster.Major, oldest, e.Cluster.MinorString(), e.Cluster.MinorString())}
}

// found is a version and the words that name it.
type found struct {
	version cluster.Version // without patch; zero where nothing names it
	text    string
}

// installed is what user data installs of Kubernetes' packages.
type installed struct {
	// kubelet and kubeadm are zero where they are not installed, or the text does not tell which.
	kubelet, kubeadm found
	// pinned: kubeadm's version is named in the command that installs it, so that preferences
	// of the package manager do not matter.
	pinned bool
}

// repositoryOf matches the package repository of a minor, at pkgs.k8s.io or a mirror of it,
// but not the file in it that is its key. What is before it may hold a password.
var repositoryOf = regexp.MustCompile(`/v1\.(\d+)/(?:deb|rpm)/(Release|repodata)?`)

// pinOf matches a package with its version as apt (kubelet=1.28.2-1.1) and dnf (kubelet-1.28.2) take it.
var pinOf = regexp.MustCompile(`^(kubelet|kubeadm)[=-](?:\d+:)?1\.(\d+)`)

// installs finds out what parts install: versions that the installing command names, else
// that of the repository they add, the newest of several, as package managers have it.
func installs(parts []part) installed {
	var names []string // of packages, among other words
	for _, p := range parts {
		for _, c := range p.commands() {
			if c.installs() {
				names = append(names, c.words...)
			}
		}
	}
	kubelet, _ := versionOf("kubelet", names, parts)
	kubeadm, pinned := versionOf("kubeadm", names, parts)
	return installed{kubelet: kubelet, kubeadm: kubeadm, pinned: pinned}
}

// versionOf is the version of a package that is among names, and whether its name tells.
func versionOf(name string, names []string, parts []part) (version found, pinned bool) {
	for _, text := range names {
		if match := pinOf.FindStringSubmatch(text); match != nil && match[1] == name {
			version, pinned = foundOf(match[2], text), true
		}
	}
	if !pinned && slices.Contains(names, name) {
		version = addedRepository(parts)
	}
	return version, pinned
}

// addedRepository is the newest that parts add.
func addedRepository(parts []part) found {
	var newest found
	for _, p := range parts {
		for _, match := range repositoryOf.FindAllStringSubmatch(p.text(), -1) {
			if one := foundOf(match[1], match[0]); match[2] == "" && one.version.Compare(newest.version) > 0 {
				newest = one
			}
		}
	}
	return newest
}

func foundOf(minor, text string) found {
	n, err := strconv.Atoi(minor)
	if err != nil {
		return found{} // more digits than a number has
	}
	return found{version: cluster.Version{Major: 1, Minor: n}, text: text}
}

// installs reports whether the command installs packages.
func (c command) installs() bool {
	managers := []string{"apt", "apt-get", "dnf", "yum", "microdnf"}
	return !c.talks() && slices.ContainsFunc(c.words, func(w string) bool { return slices.Contains(managers, path.Base(w)) }) &&
		slices.Contains(c.words, "install")
}

// text is what the part's commands are made of, without comments; of a part that cannot be
// looked into it is nothing.
func (p part) text() string {
	var b strings.Builder
	for _, c := range p.commands() {
		b.WriteString(strings.Join(c.words, " ") + "\n" + strings.Join(c.values, "\n") + "\n" + c.input + "\n")
	}
	return b.String()
}

// olderThan reports whether the kubelet is of an older minor than the API server and
// kubeadm's version is open. kubeadm has to be the cluster's own then: an older one cannot
// read the configuration that a newer one wrote, and each takes kubelets three minors older.
func (what installed) olderThan(api cluster.Version) bool {
	v := what.kubelet.version
	return !v.IsZero() && v.Major == api.Major && v.Minor < api.Minor && !what.pinned
}

// checkSkew refuses user data that installs a kubelet which the API server does not support.
func checkSkew(what installed, api cluster.Version) error {
	kubelet := what.kubelet
	if kubelet.version.IsZero() || api.IsZero() || api.SupportsKubelet(kubelet.version) {
		return nil
	}
	return &SkewError{Kubelet: kubelet.version, Found: cmp.Or(kubelet.text, "spec.userData"), Cluster: api}
}
