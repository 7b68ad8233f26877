//go:build race

package recur

// slowdown is what the race detector costs.
const slowdown = 20
