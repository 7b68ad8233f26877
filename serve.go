package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kalends/internal/config"
	"kalends/internal/httpserver"
	"kalends/internal/obs"
)

// serveCmd is `kalends serve`.
type serveCmd struct{}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Without any setting the server keeps everything in ./kalends-data, listens on this machine only, and makes a first account, whose password it prints.

Each flag is also a key in kalends.toml and a variable: --mail-from is "from" in the table [mail], and KALENDS_MAIL_FROM. ` +
		`The command line wins over the environment, the environment over the file. "kalends help settings" explains them all.

Examples:

    kalends serve
    kalends serve --tls self-signed
    kalends serve --tls auto cal.example.com --mail-smtp smtp://USER:PASSWORD@mail.example.com:587
    kalends serve --database postgres://kalends@localhost/kalends --base-url https://cal.example.com`
}

// Run serves until the program is told to stop.
// collectAt is how much a server's heap grows, in percent of what lives in it, before it is searched for garbage. Little lives, and requests
// leave much behind: by Go's 100 a seventh of the time of a busy server is spent on it. GOGC says otherwise.
const collectAt = 200

func (serveCmd) Run(p *program) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	log := newLogger(p)
	srv, err := listen(p.ctx, p.cfg, log)
	if err != nil {
		return err
	}
	defer srv.close()
	app, err := build(p.ctx, p.cfg, log)
	if err != nil {
		return err
	}
	defer app.close()
	first, err := app.firstAccount(p.ctx, p.cfg)
	if err != nil {
		return err
	}
	if err := app.store.PutSetting(p.ctx, siteSettings, urlSetting, srv.public); err != nil {
		log.WarnContext(p.ctx, "commands are not told the address of this server", "err", err)
	}
	if err := srv.greet(p, app.mailFolder, first); err != nil {
		return err
	}
	srv.handler, srv.ready, srv.metrics = app.handler, app.ready, app.metrics
	app.web.Certificate = srv.signer
	return runAll(p.ctx, append(srv.workers(), app.workers...))
}

// Settings that are of no person: what servers leave for commands.
const (
	siteSettings = 0 // in place of the owner
	urlSetting   = "url"
)

func newLogger(p *program) *slog.Logger {
	return obs.NewLogger(p.err, p.cfg.Log.Level.Level, p.cfg.Log.Format == config.JSON)
}

// worker does something until ctx ends, and returns when all of it has stopped.
type worker interface {
	Run(ctx context.Context) error
}

// runAll runs workers until ctx ends or one of them fails, which ends the others too.
func runAll(ctx context.Context, workers []worker) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range workers {
		group.Go(func() error {
			if err := w.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

// server is the network side: what listens, with which certificate, under which URL.
type server struct {
	cfg      *config.Settings
	log      *slog.Logger
	listener net.Listener
	tls      *tls.Config
	cert     *httpserver.Certificate // nil without files of our own
	profile  *httpserver.Certificate // signs profiles for Apple's programs; nil for cert
	public   string                  // URL, without a slash at the end

	acme         *httpserver.ACME
	acmeListener net.Listener

	metricsListener net.Listener // nil for none

	handler http.Handler
	ready   func(context.Context) error
	metrics *obs.Metrics
}

// listen takes the port and reads the certificate, before anything is written
// anywhere: what is wrong there is wrong without traces.
func listen(ctx context.Context, cfg *config.Settings, log *slog.Logger) (*server, error) {
	s := &server{cfg: cfg, log: log}
	var err error
	if cfg.TLS.Mode == config.TLSFiles {
		if s.cert, err = httpserver.LoadCertificate(cfg.TLSCert, cfg.TLSKey, time.Now, log); err != nil {
			return nil, cfg.Fail("tls_cert", err)
		}
		s.tls = s.cert.TLSConfig()
	}
	if cfg.ProfileCert != "" {
		if s.profile, err = httpserver.LoadCertificate(cfg.ProfileCert, cfg.ProfileKey, time.Now, log); err != nil {
			return nil, cfg.Fail("profile_cert", err)
		}
	}
	if s.listener, err = httpserver.Listen(ctx, cfg.ListenAddr()); err != nil {
		return nil, cfg.Fail("listen", err)
	}
	s.public = cfg.PublicURL(s.listener.Addr())
	if cfg.MetricsListen != "" {
		if s.metricsListener, err = httpserver.Listen(ctx, cfg.MetricsListen); err != nil {
			s.close()
			return nil, cfg.Fail("metrics_listen", err)
		}
	}
	if err := s.prepareTLS(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *server) prepareTLS(ctx context.Context) (err error) {
	switch s.cfg.TLS.Mode {
	case config.TLSSelfSigned:
		if err := ensureFolder(s.cfg, s.cfg.Data); err != nil {
			return err
		}
		hosts := []string{hostOf(s.public)}
		if host, _, err := net.SplitHostPort(s.listener.Addr().String()); err == nil {
			hosts = append(hosts, host)
		}
		if s.cert, err = httpserver.SelfSigned(filepath.Join(s.cfg.Data, "tls"), hosts, time.Now, s.log); err != nil {
			return s.cfg.Fail("tls", err)
		}
		s.tls = s.cert.TLSConfig()
	case config.TLSAuto:
		dir := filepath.Join(s.cfg.Data, "acme")
		if err := ensureFolder(s.cfg, dir); err != nil {
			return err
		}
		s.acme = httpserver.NewACME(dir, s.cfg.TLS.Names, s.cfg.ACME.Email, s.cfg.ACME.Directory)
		s.tls = s.acme.TLSConfig()
		if s.cfg.ACME.Listen != "off" {
			if s.acmeListener, err = httpserver.Listen(ctx, s.cfg.ACME.Listen); err != nil {
				return s.cfg.Fail("acme.listen", fmt.Errorf("%w, or set it to off", err))
			}
		}
	}
	return nil
}

// signer is the certificate that profiles for Apple's programs are signed with: the one that is set for it, else the server's; nil where
// there is none.
func (s *server) signer() (*tls.Certificate, error) {
	config := s.tls
	if s.profile != nil {
		config = s.profile.TLSConfig()
	}
	if config == nil {
		return nil, nil
	}
	// The suites have package autocert return the certificate that it has, of ECDSA, as for any browser of today.
	return config.GetCertificate(&tls.ClientHelloInfo{ServerName: hostOf(s.public), CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
}

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// close gives up ports that no worker has closed.
func (s *server) close() {
	for _, l := range []net.Listener{s.listener, s.acmeListener, s.metricsListener} {
		if l != nil {
			l.Close()
		}
	}
}

// workers answer requests, and with --tls auto the challenges on port 80.
func (s *server) workers() []worker {
	proxies, _ := s.cfg.Proxies() // checked by config
	web := &httpserver.Server{
		Listener: s.listener, Handler: s.handler, TLS: s.tls, Ready: s.ready, Log: s.log,
		Grace: s.cfg.Grace.Duration, Request: s.cfg.Limit.Request.Duration, Stall: s.cfg.Limit.Stall.Duration,
		Proxies: proxies, Metrics: s.metrics,
	}
	workers := []worker{web}
	if s.metricsListener != nil {
		workers = append(workers, s.metricsServer())
	}
	if s.acmeListener == nil {
		return workers
	}
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	challenges := &httpserver.Server{
		Listener: s.acmeListener, Handler: s.acme.HTTPHandler(s.cfg.TLS.Names, port), Log: s.log,
		Grace: s.cfg.Grace.Duration, Request: s.cfg.Limit.Request.Duration, Stall: s.cfg.Limit.Stall.Duration,
	}
	return append(workers, challenges)
}

// account is the first account, with the password that only this start knows.
type account struct{ name, password string }

// greet prints what a newcomer needs. mailFolder is where mail lands, "" when it
// is sent; first is nil except on the very first start.
func (s *server) greet(p *program, mailFolder string, first *account) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-18s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "Kalends is ready on %s/\n\n", s.public)
	line("In a browser", "%s/", s.public)
	line("Calendar programs", "%s/dav/", s.public)
	s.greetNetwork(line)
	if s.metricsListener != nil {
		line("Metrics", "http://%s/metrics", s.metricsListener.Addr())
	}
	if first != nil {
		line("First account", "%s, password %s (shown only now; to change it: kalends user passwd %s)", first.name, first.password, first.name)
	}
	if mailFolder != "" {
		line("Outgoing mail", "is written to %s until a relay is set (--mail-smtp)", filepath.Join(mailFolder, "*.eml"))
	}
	if !strings.HasPrefix(s.public, "https:") {
		line("iPhone, Mac", "Apple's calendars send no password without https: use --tls self-signed, or --tls auto NAME on a public host")
	} else if s.cfg.TLS.Mode == config.TLSSelfSigned {
		line("iPhone, Mac", "accept this https address after asking once; compare the fingerprint of the certificate (SHA-256):")
		line("", "%s", s.cert.Fingerprint())
	} else {
		line("iPhone, Mac", "accept this https address")
	}
	_, err := fmt.Fprintln(p.out, b.String())
	return err
}

// greetNetwork says from where the server is reached.
func (s *server) greetNetwork(line func(string, string, ...any)) {
	bound := s.listener.Addr().String()
	if config.Loopback(bound) {
		if s.cfg.BaseURL == "" {
			line("Reached from", "this machine only; to open it to the network: --listen :%s", port(bound))
		}
		return
	}
	host, _, err := net.SplitHostPort(bound)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() || s.cfg.BaseURL != "" || s.cfg.TLS.Mode == config.TLSAuto {
		return
	}
	scheme, _, _ := strings.Cut(s.public, ":")
	var urls []string
	for _, a := range httpserver.NetworkAddrs() {
		urls = append(urls, scheme+"://"+net.JoinHostPort(a, port(bound))+"/dav/")
	}
	if len(urls) > 0 {
		line("In this network", "%s", strings.Join(slices.Compact(urls[:min(len(urls), 3)]), "  "))
	}
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}
