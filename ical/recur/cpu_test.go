//go:build !race

package recur

// slowdown allows for a slower or a shared processor.
const slowdown = 3
