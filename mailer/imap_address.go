package mailer

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/emersion/go-message"

	"kalends/ical"
	"kalends/storage"
)

// maxHeaderAddresses bounds the addresses of one message's header that are looked at.
const maxHeaderAddresses = 100

// envelope guesses the envelope of a stored mail from its header: the sender from Return-Path (RFC 5321 section 4.4), and the recipients in two
// groups, what mail servers noted when they delivered it (RFC 9228 for Delivered-To), and whom the author named.
func envelope(msg []byte) (from string, groups [][]string) {
	e, _ := message.ReadWithOptions(bytes.NewReader(msg), &message.ReadOptions{MaxHeaderBytes: maxHeaderBytes})
	if e == nil {
		return "", nil
	}
	left := maxHeaderAddresses
	for _, names := range [][]string{{"Delivered-To", "X-Original-To", "Envelope-To"}, {"To", "Cc"}} {
		var group []string
		for _, name := range names {
			for _, v := range e.Header.Values(name) {
				for _, a := range addresses(v) {
					if left == 0 {
						break
					}
					left--
					group = append(group, a)
				}
			}
		}
		groups = append(groups, group)
	}
	if v := e.Header.Values("Return-Path"); len(v) > 0 {
		if list := addresses(v[0]); len(list) == 1 {
			from = list[0]
		}
	}
	return from, groups
}

// addresses reads a list of addresses; of one that breaks the rules, what can be read between its commas.
func addresses(v string) []string {
	if list, err := mail.ParseAddressList(v); err == nil {
		out := make([]string, 0, len(list))
		for _, a := range list {
			out = append(out, a.Address)
		}
		return out
	}
	var out []string
	for piece := range strings.SplitSeq(v, ",") {
		piece = strings.TrimSpace(piece)
		if i := strings.LastIndexByte(piece, '<'); i >= 0 {
			piece, _, _ = strings.Cut(piece[i+1:], ">")
		}
		if box := ical.Mailbox(piece); box != "" && len(out) < maxHeaderAddresses {
			out = append(out, box)
		}
	}
	return out
}

// Addressees implements [Mailroom]: our signed reply addresses wherever they stand, else the people here in the first group that
// has any.
func (r *Receiver) Addressees(ctx context.Context, groups ...[]string) ([]string, error) {
	var out []string
	add := func(a string) {
		if !slices.ContainsFunc(out, func(b string) bool { return strings.EqualFold(a, b) }) {
			out = append(out, a)
		}
	}
	var keys []string
	for _, group := range groups {
		for _, a := range group {
			if _, ok := r.Identity.OpenReply(a); ok {
				add(a)
			}
			keys = append(keys, personKeys(a)...)
		}
	}
	if len(out) > 0 || len(keys) == 0 {
		return out, nil
	}
	found, err := r.Store.PrincipalsByAddress(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("look up recipients: %w", err)
	}
	var seen []int64
	for _, group := range groups {
		for _, a := range group {
			if r.own(a) {
				continue
			}
			if who, _ := firstPerson(found, personKeys(a)); who != nil && !slices.Contains(seen, who.ID) {
				seen = append(seen, who.ID)
				add(a)
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out, nil
}

// personKeys are the addresses under which the owner of a mailbox may be known: with and without a +detail.
func personKeys(rcpt string) []string {
	box := ical.Mailbox(rcpt)
	if box == "" {
		return nil
	}
	list := []string{ical.Address(box)}
	at := strings.LastIndexByte(box, '@')
	if plus := strings.IndexByte(box[:at], '+'); plus > 0 {
		list = append(list, ical.Address(box[:plus]+box[at:]))
	}
	return list
}

// firstPerson returns whose the first of the addresses is that is somebody's, and that address. A group takes no mail.
func firstPerson(found map[string]*storage.Principal, keys []string) (*storage.Principal, string) {
	for _, a := range keys {
		if who := found[a]; who != nil && who.Kind != storage.Group {
			return who, a
		}
	}
	return nil, ""
}
