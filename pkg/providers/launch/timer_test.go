package launch_test

import (
	"time"

	"k8s.io/utils/clock"
)

type timer = clock.Timer

func newTimer(d time.Duration, f func()) timer { return clock.RealClock{}.AfterFunc(d, f) }
