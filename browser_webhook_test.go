package main

import (
	"strings"
	"testing"

	"kalends/webhook"
)

// hookOf is the address of the page of a webhook of somebody's, which is made.
func (s *webSite) hookOf(who string) string {
	s.Helper()
	url := "https://hooks.example.com/signs"
	w, _, err := s.app.desk.Add(s.Context(), s.principal(who), webhook.Edit{URL: &url})
	if err != nil {
		s.Fatal(err)
	}
	return "/account/webhooks/" + webhook.ID(w.Key())
}

// hooks has an address told of changes, looks how that goes, and ends it. The site's workers do not run: nothing is sent.
func (s *webSite) hooks(t *testing.T) {
	b := s.tab(t, "emil")
	b.open("/account")
	b.follow("a.button|Webhooks")
	b.there(".empty|None yet.")
	b.fill("#w-url", "http://hooks.example.com/")
	b.follow(".primary|Make it")
	b.there(".wrong|The address must begin with https://.")
	b.everywhere("webhooks-problem", "", "-phone-dark")
	b.fill("#w-url", "https://hooks.example.com/signs")
	b.fill("#w-label", "Door signs")
	b.follow(".primary|Make it")
	b.there("h1|Door signs")
	if secret := b.text(`document.querySelector("#secret").textContent`); !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is %q", secret)
	}
	b.everywhere("webhook-made", "", "-dark", "-phone")
	list, err := s.app.desk.List(t.Context(), s.principal("emil").ID)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d webhooks, %v", len(list), err)
	}
	b.open("/account/webhooks")
	b.there(".keylist li|Door signs")
	b.follow(".keylist a|Door signs")
	b.follow("button|Send a test now")
	b.has("A test is on its way.")
	b.there(".keylist li|test")
	b.follow("button|Send a test now")
	b.there(".problem|A test waits already.")
	b.follow("button|Pause")
	b.there("button|Switch on")
	b.everywhere("webhook-paused", "", "-phone-dark")
	b.follow("button|Switch on")
	b.fill("#w-label", "Signs")
	b.follow(".primary|Save")
	b.there("h1|Signs")
	b.click("[name=leaked]")
	b.follow("button|Make a new secret")
	b.has("which is shown only now")
	b.follow("button|Remove the webhook")
	b.there(".empty|None yet.")
	if list, err := s.app.desk.List(t.Context(), s.principal("emil").ID); err != nil || len(list) != 0 {
		t.Errorf("%d webhooks are left, %v", len(list), err)
	}
}
