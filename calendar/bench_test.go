package calendar_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

func benchEach(b *testing.B, fn func(b *testing.B, s *site)) {
	for name, open := range map[string]func() storage.Store{
		"sqlite":   func() storage.Store { return storagetest.SQLite(b) },
		"postgres": func() storage.Store { return storagetest.Postgres(b) },
	} {
		b.Run(name, func(b *testing.B) { fn(b, newSite(b, open())) })
	}
}

func BenchmarkPut(b *testing.B) {
	benchEach(b, func(b *testing.B, s *site) {
		n := 0
		for b.Loop() {
			n++
			s.put(s.alice, fmt.Sprintf("%d.ics", n), event(fmt.Sprintf("u%d", n), "DTSTART:20260105T090000Z", "DESCRIPTION:"+strings.Repeat("words ", 100)))
		}
	})
}

func BenchmarkMeeting(b *testing.B) {
	benchEach(b, func(b *testing.B, s *site) {
		n := 0
		for b.Loop() {
			n++
			s.put(s.alice, fmt.Sprintf("%d.ics", n), meeting(fmt.Sprintf("m%d", n), "20260106T090000Z", "bob@example.com", "cleo@example.com"))
		}
	})
}

func BenchmarkMeetingParallel(b *testing.B) {
	benchEach(b, func(b *testing.B, s *site) {
		var n atomic.Int64
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := n.Add(1)
				_, err := s.Put(b.Context(), calendar.PutRequest{Who: s.alice, Target: target(s.alice, fmt.Sprintf("%d.ics", i)),
					Body: []byte(meeting(fmt.Sprintf("m%d", i), "20260106T090000Z", "bob@example.com", "cleo@example.com"))})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
