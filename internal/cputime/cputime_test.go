package cputime_test

import (
	"runtime"
	"testing"
	"time"

	"kalends/internal/cputime"
)

// TestOf: computing counts, waiting does not, and neither does what others compute.
func TestOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("threads are told apart on Linux only")
	}
	work := func() {
		n := uint64(1)
		for range 100_000_000 {
			n = n*2862933555777941757 + 3037000493
		}
		if n == 0 {
			t.Error("a generator of full period came to 0 too early")
		}
	}
	own := cputime.Of(work)
	if own < time.Millisecond {
		t.Errorf("100 million steps took %v", own)
	}
	done := make(chan struct{})
	others := cputime.Of(func() {
		go func() { work(); close(done) }()
		<-done
	})
	if others > own/4 {
		t.Errorf("waiting for what takes %v took %v", own, others)
	}
}
