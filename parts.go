package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"os"
	"strings"
	"time"

	"kalends/auth"
	"kalends/caldav"
	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/internal/config"
	"kalends/internal/janitor"
	"kalends/mailer"
	"kalends/reminder"
	"kalends/scheduling"
	"kalends/storage"
	"kalends/web"
	"kalends/web/answer"
)

// assemble puts the product's parts together on an open database: a handler for requests, and workers for mail, reminders and
// what a meeting with many attendees leaves to do.
func (a *app) assemble(ctx context.Context, cfg *config.Settings, log *slog.Logger) error {
	watch := &web.Watch{Store: a.store, Now: a.now}
	log = watch.Logger(log)
	service := a.service(cfg, log)
	login := &auth.Basic{Store: a.store, Log: log, Now: a.now}
	tokens, err := a.tokens(ctx)
	if err != nil {
		return err
	}
	a.handler = routes(&caldav.Handler{
		OpenLink: func(token string) (int64, int64, func(string) bool, bool) {
			r, err := tokens.OpenFile(token)
			return r.Owner, r.Object, func(address string) bool { return tokens.IsFor(r, address) }, err == nil
		},
		Calendar: service, Auth: login, Store: a.store, Log: log, Now: a.now, BaseURL: cfg.BaseURL, XMLSize: int64(cfg.Limit.XML),
	}, func(w http.ResponseWriter, r *http.Request) { a.web.ServeHTTP(w, r) })

	composer, err := a.composer(ctx, cfg)
	if err != nil {
		return err
	}
	transport, err := a.transport(cfg, composer.Own.Address)
	if err != nil {
		return err
	}
	a.handler = a.pages(log, service, tokens)
	a.handler = a.feeds(log, service)
	if a.desk, err = webhookDesk(ctx, cfg, a.store); err != nil {
		return err
	}
	a.desk.Now = a.now
	a.handler = a.meetings(cfg, log, service, login)
	a.handler = a.webPages(cfg, log, service, login, watch)
	sender := &mailer.Sender{
		Composer: composer, Transport: transport, Told: a.store,
		Rates: &mailer.Rates{Sender: cfg.Mail.SenderRate, Domain: cfg.Mail.DomainRate},
		Link:  answerLink(cfg.BaseURL, tokens),
		File:  fileLink(cfg.BaseURL, tokens),
	}
	outbox := &mailer.Dispatcher{
		Queue: a.store, Log: log, Grace: cfg.Grace.Duration,
		Handlers: map[string]mailer.Handler{scheduling.MailJob: sender.Handle, scheduling.NoticeJob: sender.HandleNotice, letterJob: letters{transport}.handle},
		Outcome: func(ctx context.Context, j *storage.Job, err error) error {
			a.metrics.Job(j.Kind, outcome(err), j.DueAt, time.Now())
			if err == nil {
				return nil
			}
			log.WarnContext(ctx, "job failed for good", "kind", j.Kind, "owner", j.Owner, "job", j.ID, "err", err)
			if j.Kind == scheduling.MailJob {
				return service.Undeliverable(ctx, j, mailer.ScheduleStatus(err))
			}
			return nil
		},
	}
	for _, kind := range calendar.JobKinds {
		outbox.Handlers[kind] = service.Do
	}
	for kind, h := range outbox.Handlers {
		outbox.Handlers[kind] = counted(a.metrics, h)
	}
	reminders := &reminder.Dispatcher{
		Store: a.store, Log: log, Site: site(cfg), MayRead: service.MayRead, Queued: func() { service.Wake() }, Compose: remind{composer}.compose, Metrics: a.metrics,
	}
	webhooks := a.webhooks(cfg, log, service, composer, outbox.Wake)
	service.Wake = func() { outbox.Wake(); reminders.Wake(); webhooks.Wake() }
	a.workers = append(a.workers, outbox, reminders, webhooks, &janitor.Janitor{Store: a.store, Log: log, Crowded: cfg.Limit.CalendarObjects},
		&calendar.Rezoner{Service: service})

	for _, in := range []struct {
		key, address string
		listener     *net.Listener
	}{{"mail.lmtp_listen", cfg.Mail.LMTPListen, &a.lmtp}, {"mail.smtp_listen", cfg.Mail.SMTPListen, &a.smtp}} {
		if in.address == "" {
			continue
		}
		l, err := mailer.Listen(in.address)
		if err != nil {
			return cfg.Fail(in.key, fmt.Errorf("cannot listen there: %w", err))
		}
		*in.listener = l
		a.workers = append(a.workers, intake{l, &mailer.Listener{
			Inbox: a.receiver(cfg, log, service, composer), SMTP: in.listener == &a.smtp,
			Domain: cfg.MailDomain(), Log: log, Grace: cfg.Grace.Duration,
		}})
	}
	if cfg.Mail.IMAPServer != "" {
		a.workers = append(a.workers, a.poller(cfg, log, a.receiver(cfg, log, service, composer)))
	}
	return nil
}

// service is the one way to change calendars.
func (a *app) service(cfg *config.Settings, log *slog.Logger) *calendar.Service {
	return &calendar.Service{
		Store: a.store, Now: a.now, Log: log, URL: cfg.BaseURL,
		Limits: calendar.Limits{
			ObjectSize: int64(cfg.Limit.Object), Attendees: cfg.Limit.Attendees, Instances: cfg.Limit.Instances,
			Outside: cfg.Limit.OutsideRecipients, Quota: int64(cfg.Quota),
			AttachmentSize: int64(cfg.Limit.Attachment), Attachments: cfg.Limit.Attachments,
		},
		DisplayReminders: cfg.Reminder.Display,
		DefaultReminder:  cfg.Reminder.Default.Duration,
		MeetingReminder:  cfg.Reminder.Meetings.Duration,
		FloatingZone:     cfg.Reminder.Location(),
		UpdateHold:       cfg.Mail.UpdateHold.Duration,
	}
}

// site is how people are reminded who have said nothing themselves.
func site(cfg *config.Settings) reminder.Site {
	return reminder.Site{
		Display: cfg.Reminder.Display, Default: cfg.Reminder.Default.Duration, Meetings: cfg.Reminder.Meetings.Duration, Zone: cfg.Reminder.Location(),
	}
}

// receiver takes in mail.
func (a *app) receiver(cfg *config.Settings, log *slog.Logger, service *calendar.Service, composer *mailer.Composer) *mailer.Receiver {
	return &mailer.Receiver{
		Calendar: service, Store: a.store, Identity: &composer.Identity, Log: log,
		Verifier: &mailer.Verifier{AuthServID: cfg.Mail.AuthServID},
	}
}

// poller takes in the mail of a mailbox elsewhere.
func (a *app) poller(cfg *config.Settings, log *slog.Logger, room mailer.Mailroom) *mailer.Poller {
	p := &mailer.Poller{
		Account: mailer.Account{
			Server: cfg.Mail.IMAPServer, User: cfg.Mail.IMAPUser, Password: cfg.Mail.IMAPPassword,
			Folder: cfg.Mail.IMAPFolder, Interval: cfg.Mail.IMAPInterval.Duration, MaxBytes: maxMailIn,
		},
		Room: room, Lease: a.store.Lease, Log: log, Grace: cfg.Grace.Duration,
	}
	switch word, folder := cfg.Mail.IMAPDoneParts(); word {
	case config.IMAPMove:
		p.Done, p.Into = mailer.DoneMove, folder
	case config.IMAPDelete:
		p.Done = mailer.DoneDelete
	}
	return p
}

// composer writes mails in the server's name. Without a way for mail in, answers go to people's own mailboxes.
func (a *app) composer(ctx context.Context, cfg *config.Settings) (*mailer.Composer, error) {
	own := mail.Address{Name: "Kalends", Address: "calendar@" + cfg.MailDomain()}
	if from, err := mail.ParseAddress(cfg.Mail.From); err == nil {
		own = *from
	}
	c := &mailer.Composer{Identity: mailer.Identity{Own: own, Sign: cfg.Mail.SignDomains, Inbound: cfg.Mail.InboundDomains}}
	c.ReplyDomain = cfg.Mail.ReplyDomain
	if strings.HasPrefix(cfg.BaseURL, "https://") {
		c.Decide = strings.TrimSuffix(cfg.BaseURL, "/") + "/requests"
	}
	if cfg.Mail.LMTPListen != "" || cfg.Mail.SMTPListen != "" || cfg.Mail.ReplyDomain != "" {
		var err error
		if c.Tokens, err = a.tokens(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tokens signs reply addresses and answer pages.
func (a *app) tokens(ctx context.Context) (*mailer.Tokens, error) {
	secret, err := a.store.Secret(ctx, "reply-address")
	if err != nil {
		return nil, fmt.Errorf("reply addresses: %w", err)
	}
	return mailer.NewTokens(secret), nil
}

// pages puts the answer pages beside what a.handler answers.
func (a *app) pages(log *slog.Logger, service *calendar.Service, tokens *mailer.Tokens) http.Handler {
	rest := a.handler
	page := &answer.Handler{
		Calendar: service, Log: log,
		Open: func(token string) (int64, int64, func(string) bool, bool) {
			r, err := tokens.OpenLink(token)
			return r.Owner, r.Object, func(address string) bool { return tokens.IsFor(r, address) }, err == nil
		},
		Summarize: func(in *calendar.Invited) (answer.Summary, error) {
			s, err := mailer.Summarize(in.Calendar, in.Organizer.Language, in.Organizer.TimeZone)
			out := answer.Summary{Lang: s.Lang, Title: s.Title, NotesLabel: s.NotesLabel, Notes: s.Notes}
			for _, r := range s.Rows {
				out.Rows = append(out.Rows, answer.Row(r))
			}
			return out, err
		},
		Tell: func(in *calendar.Invited, d calendar.Date) string {
			loc, _ := calendar.MeetingZone(in.Calendar, in.Organizer.TimeZone)
			if d.AllDay || d.Floating {
				loc = nil
			}
			return mailer.TellTime(in.Organizer.Language, loc, d.Start, d.End, d.AllDay)
		},
	}
	// No ServeMux: it cleans paths, which is for WebDAV to decide.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, answer.Prefix) {
			page.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// answerLink makes the links to answer pages that stand in mails; they need https.
func answerLink(base string, tokens *mailer.Tokens) func(*mailer.Invitation) string {
	if !strings.HasPrefix(base, "https://") {
		return nil
	}
	return func(inv *mailer.Invitation) string {
		token, err := tokens.SignLink(inv.Owner, inv.Object, inv.To)
		if err != nil || inv.Object == 0 {
			return ""
		}
		return strings.TrimSuffix(base, "/") + answer.Prefix + token
	}
}

// fileLink makes the links to attachments that stand in mails; they need https.
func fileLink(base string, tokens *mailer.Tokens) func(*mailer.Invitation, string) string {
	if !strings.HasPrefix(base, "https://") {
		return nil
	}
	return func(inv *mailer.Invitation, managedID string) string {
		token, err := tokens.SignFile(inv.Owner, inv.Object, inv.To)
		if err != nil {
			return ""
		}
		return calendar.AttachmentURL(base, managedID) + "?link=" + token
	}
}

// transport is how mail leaves: signed where there is a key, through the relays, or into a folder.
func (a *app) transport(cfg *config.Settings, own string) (mailer.Transport, error) {
	t, err := a.way(cfg)
	if err != nil || cfg.Mail.DKIMKey == "" {
		return t, err
	}
	text, err := os.ReadFile(cfg.Mail.DKIMKey)
	if err != nil {
		return nil, cfg.Fail("mail.dkim_key", err)
	}
	key, err := mailer.ReadDKIMKey(text)
	if err != nil {
		return nil, cfg.Fail("mail.dkim_key", err)
	}
	domain := own[strings.LastIndexByte(own, '@')+1:]
	return &mailer.Signer{Transport: t, Key: key, Selector: cfg.Mail.DKIMSelector, Domains: append([]string{domain}, cfg.Mail.SignDomains...)}, nil
}

func (a *app) way(cfg *config.Settings) (mailer.Transport, error) {
	if len(cfg.Mail.SMTP) == 0 {
		if err := ensureFolder(cfg, cfg.MailFolder()); err != nil {
			return nil, err
		}
		a.mailFolder = cfg.MailFolder()
		return &mailer.Folder{Dir: cfg.MailFolder()}, nil
	}
	t, err := mailer.NewSMTP(cfg.Mail.SMTP, cfg.MailDomain())
	if err != nil {
		return nil, cfg.Fail("mail.smtp", err)
	}
	return t, nil
}

// intake is a worker that takes in mail.
type intake struct {
	net.Listener
	l *mailer.Listener
}

// Run implements worker.
func (i intake) Run(ctx context.Context) error { return i.l.Serve(ctx, i.Listener) }

// letterJob is the kind of outbox rows that hold a composed mail: a reminder, whose text is made where the
// reminder is looked at, in the transaction that marks it as dealt with.
const letterJob = "letter"

// letters sends composed mails.
type letters struct{ mailer.Transport }

func (s letters) handle(ctx context.Context, j *storage.Job) error {
	var l mailer.Letter
	if err := json.Unmarshal(j.Payload, &l); err != nil {
		return fmt.Errorf("%w: %w", mailer.ErrPayload, err)
	}
	return s.Send(ctx, l.From, l.To, l.Message)
}

// remind composes reminder mails.
type remind struct{ *mailer.Composer }

func (r remind) compose(_ context.Context, _ storage.Tx, due reminder.Due) (*storage.Job, error) {
	if due.User.Email == "" {
		return nil, nil
	}
	item := due.Items[0]
	loc := item.Location
	if due.Zone != nil {
		loc = due.Zone
	}
	m := mailer.Reminder{
		To:       mailer.Person{Address: "mailto:" + due.User.Email, Name: due.User.DisplayName},
		Calendar: due.Cal, Instance: item.Component,
		Start: item.Instance.Start, End: item.Instance.End, AllDay: item.Instance.AllDay, Floating: item.Instance.Floating,
		Zone: loc, Due: due.At, Late: due.Late, Language: due.User.Language, Date: due.At,
		MessageID: r.JobID(&storage.Job{Owner: due.Object.Owner, ID: due.Job, Created: due.At}),
	}
	if m.AllDay || m.Floating {
		m.Start, m.End = zone.Wall(m.Start, item.Location), zone.Wall(m.End, item.Location)
	}
	return jobOf(r.Reminder(m))
}

// jobOf returns the job that mails what was composed; nil where it is for an address that no mail can go to.
func jobOf(letter *mailer.Letter, err error) (*storage.Job, error) {
	if errors.Is(err, mailer.ErrAddress) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(letter)
	if err != nil {
		return nil, err
	}
	return &storage.Job{Kind: letterJob, Recipient: letter.To, Payload: payload}, nil
}
