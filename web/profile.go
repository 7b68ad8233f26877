package web

import (
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/smallstep/pkcs7"

	"kalends/auth"
	"kalends/meeting"
)

// appleProfile makes a profile with an app password in it, for Apple's programs.
func (h *Handler) appleProfile(v *visit) error {
	p, err := v.connectView()
	if err != nil {
		return err
	}
	password, _, err := v.appPasswords().Add(v.r.Context(), v.who, v.t("Apple profile"))
	if errors.Is(err, auth.ErrPassword) {
		p.Problem = v.t("Say for which program or device the password is. Nobody can have more than a hundred.")
		return v.render(http.StatusUnprocessableEntity, "connect", p)
	}
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(p.Port)
	if err != nil {
		return err
	}
	text := profile(p, port, password)
	if signed, err := h.signProfile(text); err != nil {
		// A profile without a signature works as well; the device only says who made it where it knows.
		h.Log.WarnContext(v.r.Context(), "sign profile", "err", err)
	} else if signed != nil {
		text = signed
	}
	v.w.Header().Set("Content-Type", "application/x-apple-aspen-config")
	v.w.Header().Set("Content-Disposition", `attachment; filename="kalends.mobileconfig"`)
	v.w.Write(text) // nobody is left to hear of an error
	return nil
}

// signProfile puts a profile into a signed message (CMS, RFC 5652), which shows on the device whose it is and that nobody changed it on
// the way. nil where there is no certificate to sign with.
func (h *Handler) signProfile(text []byte) ([]byte, error) {
	if h.Certificate == nil {
		return nil, nil
	}
	c, err := h.Certificate()
	if err != nil || c == nil {
		return nil, err
	}
	if len(c.Certificate) == 0 {
		return nil, errors.New("the certificate is empty")
	}
	chain := make([]*x509.Certificate, len(c.Certificate))
	for i, der := range c.Certificate {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
	}
	data, err := pkcs7.NewSignedData(text)
	if err != nil {
		return nil, err
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := data.AddSigner(chain[0], c.PrivateKey, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	for _, parent := range chain[1:] { // as they are: the device completes and checks the chain
		data.AddCertificate(parent)
	}
	return data.Finish()
}

// profile is a configuration profile with one CalDAV account.
func profile(p *connectView, port int, password string) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n<dict>\n")
	text := func(name, value string) {
		fmt.Fprintf(&b, "<key>%s</key><string>", name)
		xml.EscapeText(&b, []byte(value)) // a Buffer takes everything
		b.WriteString("</string>\n")
	}
	reversed := strings.Split(p.Host, ".")
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	id := strings.Join(reversed, ".") + ".kalends." + p.User
	if net.ParseIP(p.Host) != nil {
		id = "kalends." + p.User
	}
	b.WriteString("<key>PayloadContent</key><array><dict>\n")
	text("CalDAVAccountDescription", "Kalends")
	text("CalDAVHostName", p.Host)
	fmt.Fprintf(&b, "<key>CalDAVPort</key><integer>%d</integer>\n<key>CalDAVUseSSL</key><%t/>\n", port, p.HTTPS)
	text("CalDAVPrincipalURL", "/dav/principals/users/"+url.PathEscape(p.User)+"/")
	text("CalDAVUsername", p.User)
	text("CalDAVPassword", password)
	text("PayloadDisplayName", "Kalends")
	text("PayloadIdentifier", id+".caldav")
	text("PayloadType", "com.apple.caldav.account")
	text("PayloadUUID", strings.ToUpper(meeting.NewUID()))
	b.WriteString("<key>PayloadVersion</key><integer>1</integer>\n</dict></array>\n")
	text("PayloadDisplayName", "Kalends ("+p.Host+")")
	text("PayloadDescription", "Calendars of "+p.User+" on "+p.Host)
	text("PayloadIdentifier", id)
	text("PayloadType", "Configuration")
	text("PayloadUUID", strings.ToUpper(meeting.NewUID()))
	b.WriteString("<key>PayloadVersion</key><integer>1</integer>\n</dict>\n</plist>\n")
	return b.Bytes()
}
