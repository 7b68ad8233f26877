cd /tmp/sc
for r in 1 2; do for op in ${@:-meeting put-new}; do for x in "18200 a" "18202 c"; do set -- $x; echo $x; /tmp/davload run -url http://127.0.0.1:$1 -pid /tmp/sc/$2.pid -mix $op -clients 8 -duration 4s | grep -A9 -E "^ *op  "; done; done; done; uptime
