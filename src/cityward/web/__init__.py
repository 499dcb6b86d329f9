"""The web door: HTTP for devices, for other platforms and for people.

Lives here: `routes` (the typed-route layer every route goes through), `identity` (who calls), `live` (the one feed all tabs
share), `desk` (what one running door keeps), `app`, `admin`, `serve`; and in `api/` what the routes answer.
Does not live here: judging what devices send (`guard`), any store or broker (`adapters`, met through `ports`).

INVARIANTS
- A route that declares neither scopes nor `public` does not import.
- 202 is answered only when the durable log holds the message.
- Every body is bounded before it is read, every queue has a bound, an overflow rule and a counter, every wait a deadline.
- Secrets are compared by the SHA-256 they are stored under, and never logged.
"""
