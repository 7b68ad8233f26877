// Package cputime tells tests how long something computed. What else the machine does meanwhile hardly changes that, so a limit on it holds
// on a busy machine too. It is not for what waits.
package cputime

import (
	"runtime"
	"time"
)

// Of runs f and returns the processor time that its thread took. Work that f leaves to other goroutines is not in it, where the system tells
// threads apart.
func Of(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := now()
	f()
	return now() - began
}
