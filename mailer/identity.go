package mailer

import (
	"net/mail"
	"slices"
	"strings"

	"kalends/ical"
)

// Person is a calendar user as a mail names them.
type Person struct {
	Address string // calendar user address, such as mailto:alice@example.com
	Name    string // "" for not known
}

// Identity says who a mail is from and where answers go. Two settings decide it, independently:
//
//   - Sign: the domains that we may send for (our relay signs for them by DKIM, or SPF lists it). A person there is the sender
//     themselves; for others we send in our own name, "Alice via Kalends", since their domain's DMARC policy would have our mail refused.
//   - Inbound: the domains whose mail is fed to us. An organizer there stays the ORGANIZER, because answers to them
//     pass us anyway; others are replaced by a signed reply address, else the answer
//     would end in their mailbox and never in their calendar.
type Identity struct {
	Own         mail.Address // the server's own mailbox, such as Kalends <calendar@example.com>
	Sign        []string     // domains
	Inbound     []string     // domains
	Tokens      *Tokens      // nil: no mail is taken in, so that answers must go to people's own mailboxes
	ReplyDomain string       // of reply addresses; "" for the domain of Own
}

// from returns the From of a mail that a person sends through us.
func (id *Identity) from(p Person) mail.Address {
	own := ical.Mailbox(p.Address)
	name := displayName(p)
	if own != "" && hasDomain(id.Sign, own) {
		return mail.Address{Name: name, Address: own}
	}
	return id.via(p)
}

// displayName returns a person's name, but not one that looks like an address: mail programs show
// the name alone, and people choose theirs themselves.
func displayName(p Person) string {
	name := line(p.Name, maxName-20) // room for "via …"
	if strings.Contains(name, "@") {
		return ""
	}
	return name
}

// replyAddress returns the signed mailbox for answers of an attendee about an object, or "" where the organizer's own
// serves.
func (id *Identity) replyAddress(organizer string, owner, object int64, attendee string) (string, error) {
	if hasDomain(id.Inbound, ical.Mailbox(organizer)) {
		return "", nil
	}
	return id.tokenAddress(owner, object, attendee)
}

// tokenAddress returns a signed mailbox, "" where no mail is taken in.
func (id *Identity) tokenAddress(owner, object int64, attendee string) (string, error) {
	if id.Tokens == nil || object == 0 {
		return "", nil
	}
	local, err := id.Tokens.Sign(owner, object, attendee)
	if err != nil {
		return "", err
	}
	return local + "@" + id.replyDomain(), nil
}

func (id *Identity) replyDomain() string {
	if id.ReplyDomain != "" {
		return id.ReplyDomain
	}
	return domainOf(id.Own.Address)
}

// OpenReply returns what a recipient's address stands for if it is one of our reply addresses: right domain, right signature.
func (id *Identity) OpenReply(rcpt string) (Reply, bool) {
	if id.Tokens == nil || !strings.EqualFold(domainOf(rcpt), id.replyDomain()) {
		return Reply{}, false
	}
	r, err := id.Tokens.Open(rcpt)
	return r, err == nil
}

func domainOf(mailbox string) string {
	return mailbox[strings.LastIndexByte(mailbox, '@')+1:]
}

func hasDomain(domains []string, mailbox string) bool {
	d := domainOf(mailbox)
	return d != "" && slices.ContainsFunc(domains, func(s string) bool { return strings.EqualFold(s, d) })
}
