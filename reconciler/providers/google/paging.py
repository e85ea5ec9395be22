"""Listings, page by page to the end; the next page is under way while the caller works on this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, TypeVar

from reconciler.providers.google.wire import BaseModelPage, OperationPage, PermissionPage, TunedModelPage, decode
from reconciler.providers.http import Call, Http

__all__ = ["Page", "pages"]

Page = TypeVar("Page", TunedModelPage, BaseModelPage, PermissionPage, OperationPage)

_PAGES: Final = 10_000


def pages(http: Http, call: Call, kind: type[Page]) -> Iterator[Page]:
    """Yield every page of a listing; only a missing token ends it, an empty page does not (AIP-158).

    Raises:
        MalformedAnswer: a page is none, or the listing does not end.
        RemoteError: as the service says.
    """
    seen = {""}
    answer = http.send(call)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages") as ahead:
        while True:
            page = decode(kind, answer)
            token = page.next_page_token
            if not token:
                yield page
                return
            if token in seen or len(seen) > _PAGES:
                raise answer.malformed(f"the listing does not end: a page token came twice, or after {_PAGES} pages")
            seen.add(token)
            coming = ahead.submit(http.send, replace(call, query={**call.query, "pageToken": token}))
            yield page
            answer = coming.result()
