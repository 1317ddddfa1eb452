"""Runs postfix-mta-sts-resolver for the bench: its DNS on loopback, its cache filled beforehand.

    mta-sts-resolver.py ADDRESS DNS POLICIES

It has no option for either, so both are put in from outside; all else is the program as its package
installs it, with its default settings but for the TLSRPT attributes, which make its replies as long
as ours.
"""

import sys
import tempfile
import time

import aiodns
import yaml
from postfix_mta_sts_resolver import __main__ as _  # noqa: F401  (the package is whole)
from postfix_mta_sts_resolver import daemon, internal_cache
from postfix_mta_sts_resolver.base_cache import CacheEntry

ADDRESS, DNS, POLICIES = sys.argv[1], sys.argv[2], int(sys.argv[3])

resolver = aiodns.DNSResolver


def resolver_on_loopback(**options):
    host, port = DNS.rsplit(":", 1)
    return resolver(**options, nameservers=[host], udp_port=int(port), tcp_port=int(port))


aiodns.DNSResolver = resolver_on_loopback


async def setup(self):
    for number in range(POLICIES):
        domain = f"cached-{number}.example.com"
        body = {
            "version": "STSv1",
            "mode": "enforce",
            "mx": [f"mx1.{domain}", f"mx2.{domain}", "*.mail.example.net"],
            "max_age": 604800,
        }
        await self.set(domain, CacheEntry(time.time(), "20260101T000000", body))


internal_cache.InternalLRUCache.setup = setup

settings = {
    "cache": {"type": "internal", "options": {"cache_size": max(POLICIES, 10000)}},
    # Default: 60 s; asking again while the bench runs would only slow it down.
    "cache_grace": 3600,
    "default_zone": {"tlsrpt": True},
}
if ADDRESS.startswith("unix:"):
    settings["path"] = ADDRESS.removeprefix("unix:")
else:
    settings["host"], port = ADDRESS.rsplit(":", 1)
    settings["port"] = int(port)

with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
    yaml.safe_dump(settings, file)
    file.flush()
    sys.argv = ["mta-sts-daemon", "--verbosity", "error", "--config", file.name]
    sys.exit(daemon.main())
