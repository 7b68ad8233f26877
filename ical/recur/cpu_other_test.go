//go:build !unix

package recur

import "time"

var began = time.Now()

func cpuTime() time.Duration { return time.Since(began) }
