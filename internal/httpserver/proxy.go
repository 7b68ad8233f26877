package httpserver

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds the walk through X-Forwarded-For.
const maxHops = 32

// clientAddr is the address that the request comes from: the peer, or, when the
// peer is one of proxies, the last address of X-Forwarded-For that is not. What
// stands further left anybody may have written.
func clientAddr(r *http.Request, proxies []netip.Prefix) string {
	if len(proxies) == 0 {
		return r.RemoteAddr
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !within(ip, proxies) {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break // not from a proxy of ours: the last good one stands
		}
		ip = hop
		if !within(ip, proxies) {
			break
		}
	}
	if ip.String() == host {
		return r.RemoteAddr
	}
	return net.JoinHostPort(ip.Unmap().WithZone("").String(), "0") // its port is not known
}

// parseHop reads an address with or without a port.
func parseHop(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(s, "[]"))
}

func within(ip netip.Addr, nets []netip.Prefix) bool {
	ip = ip.Unmap().WithZone("")
	for _, n := range nets {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}
