package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

func TestLoggerCarriesTheRequest(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo, true).With("part", "x").WithGroup("g")
	r := &Request{ID: "r1"}
	ctx := WithRequest(t.Context(), r)
	log.DebugContext(ctx, "below the level")
	log.InfoContext(ctx, "one", "k", 1)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("log wrote %q: %v", out.String(), err)
	}
	group, _ := line["g"].(map[string]any)
	if line["part"] != "x" || group["req"] != "r1" || group["k"] != 1.0 {
		t.Errorf("line = %v, want part, and k and req in the group", line)
	}
	out.Reset()
	NewLogger(&out, slog.LevelInfo, false).Info("two")
	if strings.Contains(out.String(), "req=") {
		t.Errorf("a line without a request has one: %q", out.String())
	}
}

func TestAnnotateIsBounded(t *testing.T) {
	r := &Request{ID: "r"}
	ctx := WithRequest(t.Context(), r)
	for range 100 {
		Annotate(ctx, slog.Int("n", 1), slog.Int("m", 2))
	}
	if n := len(r.Attrs()); n != maxAttrs {
		t.Errorf("after 200 annotations the request holds %d, want %d", n, maxAttrs)
	}
	Annotate(context.Background(), slog.Int("n", 1)) // no request: nothing to do
}

func TestGuardSurvivesAPanic(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo, false)
	if Guard(t.Context(), log, "job", func() { panic("boom") }) {
		t.Error("Guard of a panic = true")
	}
	if !strings.Contains(out.String(), "boom") || !strings.Contains(out.String(), "obs_test.go") {
		t.Errorf("log = %q, want the panic and its stack", out.String())
	}
	if !Guard(t.Context(), log, "job", func() {}) {
		t.Error("Guard of a function that returns = false")
	}
}
