package capacity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
)

const (
	// ConfigMap is the object in the controller's own namespace that keeps measurements.
	ConfigMap = "karpenter-measured-memory"
	key       = "measurements.json"

	// seenEvery is how exactly it is kept when a measurement was last confirmed: they are
	// forgotten after months, and a write for each node that starts would be for nothing.
	seenEvery = 24 * time.Hour
)

// Store keeps measurements across restarts. It is used by one goroutine at a time.
type Store struct {
	kube   client.Reader // must read from the API server: the controller may not watch ConfigMaps
	writer client.Writer
	home   string
	clock  clock.PassiveClock
	kept   []instancetype.Measurement // as they were stored last, nil before
}

// NewStore returns a store in namespace home.
func NewStore(reader client.Reader, writer client.Writer, home string, clk clock.PassiveClock) *Store {
	return &Store{kube: reader, writer: writer, home: home, clock: clk}
}

// Load has types learn what was kept.
func (s *Store) Load(ctx context.Context, types Types) error {
	_, kept, err := s.read(ctx)
	types.Learn(kept...)
	return err
}

// Save keeps what types have learned, and has them learn what another replica kept. It
// writes only what is worth it. Its error is a conflict when somebody was faster.
func (s *Store) Save(ctx context.Context, types Types) error {
	if s.kept != nil && slices.EqualFunc(s.kept, types.Measurements(s.clock.Now()), alike) {
		return nil
	}
	stored, before, err := s.read(ctx)
	if err != nil {
		return err
	}
	types.Learn(before...)
	after := types.Measurements(s.clock.Now())
	if slices.EqualFunc(before, after, alike) {
		s.kept = before
		return nil
	}
	raw, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("writing measurements: %w", err)
	}
	stored.Data = map[string]string{key: string(raw)}
	if stored.ResourceVersion == "" {
		err = s.writer.Create(ctx, stored)
	} else {
		err = s.writer.Update(ctx, stored)
	}
	if err != nil {
		return fmt.Errorf("storing ConfigMap %s/%s: %w", s.home, ConfigMap, err)
	}
	s.kept = after
	return nil
}

// read returns the object, a new one when there is none, and what it holds, which is nothing
// when somebody else wrote it.
func (s *Store) read(ctx context.Context) (*corev1.ConfigMap, []instancetype.Measurement, error) {
	stored := &corev1.ConfigMap{}
	err := s.kube.Get(ctx, client.ObjectKey{Namespace: s.home, Name: ConfigMap}, stored)
	if apierrors.IsNotFound(err) {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.home, Name: ConfigMap}}, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("getting ConfigMap %s/%s: %w", s.home, ConfigMap, err)
	}
	var kept []instancetype.Measurement
	if err := json.Unmarshal([]byte(stored.Data[key]), &kept); err != nil {
		return stored, nil, nil //nolint:nilerr // replaced by what is measured from now on; nothing else is lost
	}
	return stored, kept, nil
}

// alike reports whether b need not be written where a is.
func alike(a, b instancetype.Measurement) bool {
	return a.Type == b.Type && a.Image == b.Image && a.Bytes == b.Bytes && b.Seen.Sub(a.Seen) < seenEvery
}
