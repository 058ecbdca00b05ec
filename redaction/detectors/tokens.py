r"""Tokens and keys that can be told by how they begin, as their issuers document it.

What is listed: prefix, alphabet and length. Facts are from the issuers' documentation and from the rules of gitleaks
(https://github.com/gitleaks/gitleaks, config/gitleaks.toml). What an issuer calls public (`pk_live_`, `sq0idp-`,
`NRJS-`, Plaid's `public-`, Razorpay's `rzp_live_`) is no secret.
"""

import re
from typing import Final, NamedTuple

from redaction.detectors.base import Span
from redaction.patterns import compile_bytes, spans

__all__ = ["CANDIDATE", "find"]

_HEX: Final = rb"[0-9A-Fa-f]"
_ALNUM: Final = rb"[A-Za-z0-9]"
_WORD: Final = rb"[A-Za-z0-9_\-]"
_BASE64: Final = rb"[A-Za-z0-9+/]"
_UUID: Final = _HEX + rb"{8}(?:-" + _HEX + rb"{4}){3}-" + _HEX + rb"{12}"


# Nothing of a longer word stands before it; before a word that an escape precedes, the escape's letter does.
_ALONE: Final = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_DONE: Final = rb"(?![A-Za-z0-9_\-])"


class _Form(NamedTuple):
    """A form of tokens.

    :ivar prefix: a pattern of few states, without which there is none.
    :ivar rest: what follows, exactly.
    :ivar within: it is seen within a longer word, too; of others that would be too many states for one pattern.
    """

    prefix: bytes
    rest: bytes
    within: bool = False


# Odd enough that hardly anything else begins so: their candidates share one tail.
_PLAIN: Final = (
    # AWS: access keys, temporary and other credentials (IAM user guide, "IAM identifiers"); session tokens; Bedrock
    _Form(rb"(?:AKIA|ASIA|ABIA|ACCA)", rb"[A-Z0-9]{16}", within=True),
    _Form(rb"(?:FwoGZXIv|IQoJb3Jp)", rb"(?:YXdz|Z2lu)[A-Za-z0-9+/=%]+"),
    _Form(rb"ABSK", _BASE64 + rb"{100,}={0,2}"),
    # GitHub docs, "About authentication to GitHub", token formats
    _Form(rb"gh[pousr]_", _ALNUM + rb"{36,}", within=True),
    _Form(rb"github_pat_", rb"[A-Za-z0-9_]{50,}", within=True),
    # GitLab docs, "Token overview", token prefixes
    _Form(rb"gl(?:pat|rt|dt|ft|cbt|ptt|oas|imt|soat|agent|ffct)-", rb"[A-Za-z0-9_\-.]{20,}"),
    _Form(rb"GR1348941", _WORD + rb"{20,}"),
    # Slack docs, "Token types"
    _Form(rb"xox[abdeoprs](?:\.xox[bp])?-", rb"[A-Za-z0-9\-]{10,}", within=True),
    _Form(rb"xapp-[0-9]-", rb"[A-Za-z0-9\-]{10,}", within=True),
    # Stripe docs, "API keys"; Checkout.com's are UUIDs, or begin with `sbox_`; webhook signing secrets
    _Form(rb"[sr]k_(?:live|test|prod)_", rb"[A-Za-z0-9\-]{10,}", within=True),
    _Form(rb"EAACEdEose0cBA", _ALNUM + rb"{20,}"),
    _Form(rb"pst_(?:test|live)_", _ALNUM + rb"{20,}"),
    _Form(rb"sk_sbox_", rb"[A-Za-z0-9*#$=\-]{20,}"),
    _Form(rb"whsec_", rb"[A-Za-z0-9+/]{24,}=*", within=True),
    # Payments: Shopify, Square, PayPal, Braintree, Plaid, Flutterwave, Shippo, Paddle, Duffel, EasyPost
    _Form(rb"shp(?:at|ca|pa|ss|tka)_", _HEX + rb"{32,}"),
    _Form(rb"sq0(?:csp|atp)-", _WORD + rb"{22,}"),
    _Form(rb"A21AA", _WORD + rb"{40,}"),
    _Form(rb"access_token\$", rb"(?:production|sandbox)\$[0-9a-z]{16}\$" + _HEX + rb"{32}"),
    _Form(rb"(?:access|processor)-(?:sandbox|development|production)-", _UUID),
    _Form(rb"FLWSECK(?:_TEST)?-", _WORD + rb"{12,}"),
    _Form(rb"shippo_(?:live|test)_", _HEX + rb"{40}"),
    _Form(rb"pdl_(?:live|sdbx)_apikey_", rb"[A-Za-z0-9_]{40,}"),
    _Form(rb"duffel_(?:live|test)_", rb"[A-Za-z0-9_\-=]{40,}"),
    _Form(rb"EZ[AT]K", _ALNUM + rb"{54}"),
    # Google: API keys, OAuth access tokens, client secrets
    _Form(rb"AIza", _WORD + rb"{35}", within=True),
    _Form(rb"ya29\.", rb"[A-Za-z0-9_\-.]{20,}"),
    _Form(rb"GOCSPX-", _WORD + rb"{28}"),
    # Models: Anthropic, OpenAI, OpenRouter, Groq, xAI, Perplexity
    _Form(rb"sk-(?:ant|proj|svcacct|admin|or)-", _WORD + rb"{20,}"),
    _Form(rb"gsk_", _ALNUM + rb"{50,}"),
    _Form(rb"xai-", _ALNUM + rb"{70,}"),
    _Form(rb"pplx-", _ALNUM + rb"{40,}"),
    # Mail: SendGrid, Brevo
    _Form(rb"SG\.", _WORD + rb"{16,32}\." + _WORD + rb"{16,64}"),
    _Form(rb"xkeysib-", _HEX + rb"{64}-" + _ALNUM + rb"{16}"),
    # Packages: npm, PyPI, RubyGems, NuGet, Clojars, Artifactory, Docker
    _Form(rb"npm_", _ALNUM + rb"{36}"),
    _Form(rb"pypi-AgE", _WORD + rb"{40,}"),
    _Form(rb"rubygems_", _HEX + rb"{48}"),
    _Form(rb"CLOJARS_", _ALNUM + rb"{60}"),
    _Form(rb"AKCp", _ALNUM + rb"{69}"),
    _Form(rb"cmVmd", _ALNUM + rb"{59}"),
    _Form(rb"dckr_[po]at_", _WORD + rb"{27,}"),
    # HashiCorp: Vault, Terraform
    _Form(rb"hv[sbr]\.", _WORD + rb"{24,}"),
    # Clouds: DigitalOcean, Databricks, Heroku, Fly.io, Alibaba, Cloudflare, PlanetScale, Pulumi, Doppler, Prefect,
    # Supabase
    _Form(rb"do[opr]_v1_", _HEX + rb"{64}"),
    _Form(rb"dapi", _HEX + rb"{32}(?:-[0-9])?"),
    _Form(rb"HRKU-", rb"[A-Za-z0-9_\-]{30,}"),
    _Form(rb"fo1_", _WORD + rb"{43}"),
    _Form(rb"fm(?:1[ar]|2)_", _BASE64 + rb"{100,}={0,3}"),
    _Form(rb"LTAI", _ALNUM + rb"{16,26}"),
    _Form(rb"v1\.0-", _HEX + rb"{24}-" + _HEX + rb"{146}"),
    _Form(rb"pscale_(?:tkn|oauth|pw)_", rb"[A-Za-z0-9_=.\-]{32,64}"),
    _Form(rb"pul-", _HEX + rb"{40}"),
    _Form(rb"dp\.(?:pt|st|ct|sa|scim|audit)\.", rb"[A-Za-z0-9_\-.]{40,}"),
    _Form(rb"pnu_", _ALNUM + rb"{36}"),
    _Form(rb"sb(?:p|_secret)_", _WORD + rb"{30,}"),
    # Work: Atlassian, Linear, Notion, Postman, Figma, Frame.io, ReadMe, Typeform, HubSpot, Contentful
    _Form(rb"AT(?:ATT3|CTT3|BB)", rb"[A-Za-z0-9_\-=]{24,}"),
    _Form(rb"lin_(?:api|oauth)_", _ALNUM + rb"{40,}"),
    _Form(rb"ntn_", _ALNUM + rb"{40,}"),
    _Form(rb"PMAK-", _HEX + rb"{24}-" + _HEX + rb"{34}"),
    _Form(rb"fig[do]_", _WORD + rb"{40,}"),
    _Form(rb"fio-u-", rb"[A-Za-z0-9_\-=]{64}"),
    _Form(rb"rdme_", rb"[a-z0-9]{70}"),
    _Form(rb"tfp_", rb"[A-Za-z0-9_\-.=]{40,}"),
    _Form(rb"pat-(?:na|eu)[0-9]-", _UUID),
    _Form(rb"CFPAT-", _WORD + rb"{40,}"),
    # Monitoring: Sentry, New Relic, Grafana, Dynatrace
    _Form(rb"sntrys_", rb"[A-Za-z0-9_+/=\-]{40,}"),
    _Form(rb"sntryu_", _HEX + rb"{64}"),
    _Form(rb"NR(?:AK|II)-", rb"[A-Za-z0-9_\-]{27,}"),
    _Form(rb"glc_", rb"[A-Za-z0-9+/]{32,}={0,3}"),
    _Form(rb"glsa_", _ALNUM + rb"{32}_" + _HEX + rb"{8}"),
    _Form(rb"eyJrIjoi", _ALNUM + rb"{70,}={0,3}"),
    _Form(rb"dt0[a-z][0-9]{2}\.", rb"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    # Others: 1Password, age, Adobe, Octopus, OpenShift, Sourcegraph, SonarQube, Hugging Face, Buildkite, CircleCI,
    # Netlify, Tailscale, Facebook pages
    _Form(rb"ops_eyJ", _BASE64 + rb"{100,}={0,3}"),
    _Form(rb"AGE-SECRET-KEY-1", rb"[A-Z0-9]{58}"),
    _Form(rb"p8e-", rb"[a-z0-9]{32}"),
    _Form(rb"API-", rb"[A-Z0-9]{26}"),
    _Form(rb"sha256~", _WORD + rb"{43}"),
    _Form(rb"sgp_", rb"(?:(?:" + _HEX + rb"{16}|local)_)?" + _HEX + rb"{40}"),
    _Form(rb"sq[upa]_", _HEX + rb"{40}"),
    _Form(rb"hf_", rb"[A-Za-z]{34}"),
    _Form(rb"api_org_", rb"[A-Za-z]{34}"),
    _Form(rb"bkua_", _HEX + rb"{40}"),
    _Form(rb"CCIPAT_", _WORD + rb"{40,}"),
    _Form(rb"nfp_", _ALNUM + rb"{36,}"),
    _Form(rb"tskey-[a-z]+-", _WORD + rb"{20,}"),
    _Form(rb"EAA[MC]", _ALNUM + rb"{100,}"),
)
# Those that only their whole shape tells from words and other data: what shows that there may be one, and the shape.
# Words begin before each of the first.
_WORDS: Final = (
    # Square's access tokens (base64 shows zeros alike), Adyen's API keys: base64, then two groups of others
    (rb"EAAA" + _WORD + rb"{8}", rb"EAAA" + _WORD + rb"{60}(?![A-Za-z0-9_\-+/=])"),
    (rb"AQE" + _BASE64 + rb"{8}", rb"AQE" + _BASE64 + rb"{36,400}={0,2}-[A-Za-z0-9+/=]{20,100}-[^\x1d\s\"'\\<>,;]{8,}"),
    # Mollie's API keys and access tokens, Lob's keys, GoCardless's tokens
    (
        rb"(?:live|test)_" + _ALNUM + rb"{8}",
        rb"(?<!_)(?:live|test)_(?=[A-Za-z]{0,34}[0-9])" + _ALNUM + rb"{30,35}" + _DONE,
    ),
    (rb"access_" + _ALNUM + rb"{8}", rb"(?<!_)access_(?=[A-Za-z]{0,34}[0-9])" + _ALNUM + rb"{40}" + _DONE),
    (
        rb"(?:live|sandbox)_" + _WORD + rb"{8}",
        rb"(?<!_)(?:live|sandbox)_(?!pub_)(?=[^0-9\n]{0,39}[0-9])(?=[^A-Z\n]{0,39}[A-Z])(?=[^a-z\n]{0,39}[a-z])"
        + _WORD
        + rb"{40}"
        + _DONE,
    ),
    # WooCommerce, Resend, Mailgun, Twilio, Dropbox
    (rb"c[ks]_" + _HEX + rb"{8}", rb"c[ks]_" + _HEX + rb"{40}" + _DONE),
    (rb"re_" + _ALNUM + rb"{8}_", rb"re_" + _ALNUM + rb"{8}_" + _ALNUM + rb"{24}" + _DONE),
    (rb"key-" + _HEX + rb"{8}", rb"key-" + _HEX + rb"{32}" + _DONE),
    (rb"SK" + _HEX + rb"{8}", rb"SK" + _HEX + rb"{32}" + _DONE),
    (rb"sl\." + _WORD + rb"{16}", rb"sl\.[A-Za-z0-9_\-=.]{130,}"),
    # OpenAI's older keys and those of others that look alike; Notion's older tokens
    (rb"sk-" + _ALNUM + rb"{8}", rb"sk-(?=[A-Za-z]{0,34}[0-9])" + _ALNUM + rb"{32,}"),
    (rb"secret_" + _ALNUM + rb"{8}", rb"secret_" + _ALNUM + rb"{43}" + _DONE),
    # Airtable, Harness, 1Password's secret keys
    (rb"pat[A-Za-z0-9]{14}\.", rb"pat[A-Za-z0-9]{14}\." + _HEX + rb"{64}"),
    (rb"[ps]at\." + _WORD + rb"{16}", rb"[ps]at\." + _WORD + rb"{22}\." + _ALNUM + rb"{24}\." + _ALNUM + rb"{20}"),
    (rb"A3-[A-Z0-9]{6}-", rb"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    # Discord's bots: an id in base64, a time, a MAC
    (
        rb"[MNO]" + _WORD + rb"+\." + _WORD + rb"{6}\.",
        rb"[MNO]" + _WORD + rb"{22,27}\." + _WORD + rb"{6}\." + _WORD + rb"{27,38}",
    ),
)
# These stand within words, or begin before what shows them.
_WITHIN: Final = (
    # Webhooks to which whoever knows their address may post: Slack, Discord, Teams
    (
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/",
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,}",
    ),
    (rb"discord(?:app)?\.com/api/webhooks/", rb"discord(?:app)?\.com/api/webhooks/[0-9]{10,}/" + _WORD + rb"{40,}"),
    (rb"webhook\.office\.com/webhookb2/", rb"webhook\.office\.com/webhookb2/[A-Za-z0-9\-@/]{36,}"),
    # Klarna's API keys, Telegram's bots (an id, and 35 characters), Terraform Cloud, Microsoft Entra's client secrets
    (rb"klarna_(?:live|test)_api_", rb"klarna_(?:live|test)_api_[A-Za-z0-9+/=_\-!*()#]{20,}"),
    (rb":A" + _WORD + rb"{8}", _ALONE + rb"[0-9]{8,12}:A" + _WORD + rb"{34}" + _DONE),
    (rb"\.atlasv1\.", _ALNUM + rb"{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,}"),
    (rb"Q~" + _WORD, rb"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}"),
    # Mailchimp's keys, New Relic's licence keys
    (rb"-us[0-9]", _ALONE + _HEX + rb"{32}-us[0-9]{1,2}" + _DONE),
    (rb"NRAL", _ALONE + _HEX + rb"{36}NRAL" + _DONE),
    # Stripe's client secrets; the id before `_secret_` is none
    (
        rb"_secret_" + _WORD,
        rb"(?<=[A-Za-z0-9]{8}_secret_)(?=[A-Za-z_]{0,39}[0-9]|[a-z]{0,39}[A-Z]{1,39}[a-z])[A-Za-z0-9_]{8,}",
    ),
)
# Of any token there is: letters, digits, and what stands between them.
_TAIL: Final = rb"[A-Za-z0-9_\-.=+/~$%]"
# Where others follow without end, one costs no more.
_LONGEST: Final = 4096
_BEFORE: Final = rb"(?:[^A-Za-z0-9\n]|\\(?:[nrtbf]|u00[01][0-9A-Fa-f]))"
CANDIDATE: Final = b"|".join(
    (
        *(form.prefix + form.rest.replace(b",}", b"}") for form in _PLAIN if form.within),
        rb"%b(?:%b)%b{9}" % (_BEFORE, b"|".join(form.prefix for form in _PLAIN if not form.within), _TAIL),
        rb"%b(?:%b)" % (_BEFORE, b"|".join(sign for sign, _ in _WORDS)),
        *(sign for sign, _ in _WITHIN),
    )
)
"""Matches where there may be one."""

# What must stand alone is looked at once for all: of alternatives that begin with letters, few are tried.
_APART: Final = (*(form.prefix + form.rest for form in _PLAIN if not form.within), *(shape for _, shape in _WORDS))
_PREFIXED: Final = re.compile(
    b"|".join(
        (*(form.prefix + form.rest for form in _PLAIN if form.within), _ALONE + rb"(?:%b)" % b"|".join(_APART))
    ).replace(b",}", b",%d}" % _LONGEST)
)
_PREFIXES: Final = compile_bytes(b"|".join((*(form.prefix for form in _PLAIN), *(sign for sign, _ in _WORDS))))
_SIGN_WITHIN: Final = re.compile(b"|".join(sign for sign, _ in _WITHIN))
_SHAPES_WITHIN: Final = tuple((re.compile(sign), re.compile(shape)) for sign, shape in _WITHIN)
# From where one of these begins to what shows it, and from there to its end, or far enough.
_REACH: Final = 36
_BEYOND: Final = 128


def find(view: bytes, start: int, end: int) -> list[Span]:
    """Give the one at a candidate, if there is one."""
    for sign, shape in _SHAPES_WITHIN if _SIGN_WITHIN.match(view, start, end) else ():
        if sign.match(view, start, end):
            first = max(0, start - _REACH, view.rfind(b"\n", max(0, start - _REACH), start) + 1)
            newline = view.find(b"\n", end, end + _BEYOND)
            if match := shape.search(view, first, newline if newline >= 0 else end + _BEYOND):
                return [match.span()]
    match = _PREFIXED.match(view, start) or _PREFIXED.match(view, start + 1)
    if not match:
        # Another may begin within what looked like the beginning of one, and reach beyond it.
        places = (start + 1 + place for place, _ in spans(_PREFIXES, view[start + 1 : end + _REACH]))
        match = next(filter(None, (_PREFIXED.match(view, place) for place in places)), None)
    # A point that ends a sentence is none of it.
    return [(match.start(), match.start() + len(match[0].rstrip(b".")))] if match else []
