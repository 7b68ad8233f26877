package httpserver

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// BenchmarkRequest is what a small request costs with everything around the
// handler, and bare (client and loopback included in both).
func BenchmarkRequest(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello")
	})
	for _, mode := range []string{"bare", "wrapped"} {
		b.Run(mode, func(b *testing.B) {
			l, err := Listen(b.Context(), "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			url := "http://" + l.Addr().String() + "/"
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan error, 1)
			s := &Server{Listener: l, Handler: h, Log: quiet(), Grace: time.Second, Request: 30 * time.Second, Stall: 30 * time.Second}
			bare := &http.Server{Handler: h}
			go func() {
				if mode == "bare" {
					done <- bare.Serve(l)
					return
				}
				done <- s.Run(ctx)
			}()
			client := &http.Client{Transport: &http.Transport{}}
			b.ReportAllocs()
			for b.Loop() {
				resp, err := client.Post(url, "text/plain", strings.NewReader("body"))
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			client.CloseIdleConnections()
			stop()
			bare.Close()
			<-done
		})
	}
}
