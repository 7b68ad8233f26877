package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rsc.io/qr"

	"kalends/auth"
)

type connectView struct {
	base
	Address   string // what most programs want
	Host      string
	Port      string
	Path      string // of the service
	User      string
	Calendars []connectCalendar
	HTTPS     bool
	Label     string
	Password  string // made just now; "" for none
	QR        *qrCode
	Problem   string
}

type connectCalendar struct{ Name, Address string }

// site is the address by which people reach this server, without a slash at the end.
func (v *visit) site() string {
	if v.BaseURL != "" {
		return strings.TrimSuffix(v.BaseURL, "/")
	}
	scheme := "http"
	if v.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + v.r.Host
}

func (v *visit) connectView() (*connectView, error) {
	p := &connectView{base: v.base(v.t("Connect")), Address: v.site() + "/dav/", Path: "/dav/", User: v.who.Name}
	if u, err := url.Parse(v.site()); err == nil {
		p.Host, p.Port, p.HTTPS = u.Hostname(), u.Port(), u.Scheme == "https"
		if p.Port == "" {
			p.Port = map[bool]string{true: "443", false: "80"}[p.HTTPS]
		}
	}
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		p.Calendars = append(p.Calendars, connectCalendar{s.Name, v.site() + davPath(s)})
	}
	return p, nil
}

// davPath is the path of a calendar for programs.
func davPath(s *shelf) string {
	return "/dav/calendars/" + url.PathEscape(s.place.Owner.Name) + "/" + url.PathEscape(s.row.Slug) + "/"
}

func (h *Handler) connect(v *visit) error {
	p, err := v.connectView()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "connect", p)
}

// connectPassword makes an app password, and shows it this once.
func (h *Handler) connectPassword(v *visit) error {
	p, err := v.connectView()
	if err != nil {
		return err
	}
	p.Label = plainLine(v.value("label"), 100)
	password, _, err := v.appPasswords().Add(v.r.Context(), v.who, p.Label)
	if errors.Is(err, auth.ErrPassword) {
		p.Problem = v.t("Say for which program or device the password is. Nobody can have more than a hundred.")
		return v.render(http.StatusUnprocessableEntity, "connect", p)
	}
	if err != nil {
		return err
	}
	p.Password = password
	if u, err := url.Parse(p.Address); err == nil {
		// DAVx5 opens such addresses with the login filled in.
		u.Scheme = map[bool]string{true: "caldavs", false: "caldav"}[p.HTTPS]
		u.User = url.UserPassword(p.User, password)
		p.QR = qrOf(u.String())
	}
	return v.render(http.StatusOK, "connect", p)
}

func (v *visit) appPasswords() *auth.AppPasswords {
	return &auth.AppPasswords{Store: v.Store, Now: v.Now}
}

// qrCode is a QR code as an SVG path; Size is with the quiet zone around it.
type qrCode struct {
	Size int
	Path string
}

func qrOf(text string) *qrCode {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil // too long: the address can be typed
	}
	const quiet = 4
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, n, n)
				x += n
			}
		}
	}
	return &qrCode{code.Size + 2*quiet, b.String()}
}
