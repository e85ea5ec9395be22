"""Which credentials go where, and that none of them shows anywhere else."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import jwt
from providers_kit import MODEL, TOKEN, bench, error, model, ok

from reconciler.errors import AuthenticationFailed, TunectlError, Unavailable

API = "generativelanguage.googleapis.com"
KEY = "AIzaCanaryPl0Ok9Ij8Uh7Yg6Tf5Rd4Es3Wa2Q1X"
SECRET = "1//canary-Zq8Rk2VxWb5Tn7Lf3Hs9Jd4Mg6Pc1YaE"
FRESH = "ya29.canary-Hy6Gt5Fr4De3Sw2Aq1Zx9Cv8Bn7Mk0"
SCOPES = {
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/generative-language.tuning",
}
USER = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "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m9Lv3C",
    "refresh_token": SECRET,
    "quota_project_id": "billed",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No credentials but those a test lays out, and no metadata server."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def lay_out(monkeypatch, tmp_path):
    """Write a credentials file and name it as the application default credentials."""

    def write(info):
        path = tmp_path / "credentials.json"
        path.write_text(info if isinstance(info, str) else json.dumps(info))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        return path

    return write


class World:
    """The API and every token service; tokens are numbered. ``requests`` holds (host, path) in order."""

    def __init__(self, *, valid=lambda _token: True):
        self.requests = []
        self.tokens = 0
        self.sent = []
        self.valid = valid
        self.lock = threading.Lock()

    def __call__(self, request):
        with self.lock:
            self.requests.append((request.url.host, request.url.path))
        if request.url.host == API:
            self.sent.append(request)
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            return ok(model()) if self.valid(token) else error(401, "UNAUTHENTICATED")
        self.asked = request
        self.tokens += 1
        token = f"token-{self.tokens}"
        if request.url.host == "iamcredentials.googleapis.com":
            return ok({"accessToken": f"impersonated-{token}", "expireTime": "2099-01-01T00:00:00Z"})
        return ok(
            {
                "access_token": token,
                "expires_in": 3600,
                "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            }
        )

    @property
    def hosts(self):
        return [host for host, _path in self.requests]


def adc(world, **settings):
    return bench(world, access_token=None, project=None, **settings).provider


class TestExplicit:
    def test_a_token_goes_as_bearer_with_the_quota_project(self):
        desk = bench(ok(model()), api_key=KEY)
        desk.provider.get(MODEL)
        headers = desk.service.requests[0].headers
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert headers["x-goog-user-project"] == "my-project"
        assert "x-goog-api-key" not in headers

    def test_an_api_key_goes_in_its_header_and_never_in_a_url(self):
        desk = bench(ok(model()), access_token=None, api_key=KEY)
        desk.provider.get(MODEL)
        sent = desk.service.requests[0]
        assert sent.headers["x-goog-api-key"] == KEY
        assert "authorization" not in sent.headers
        assert "x-goog-user-project" not in sent.headers
        assert KEY not in str(sent.url)

    def test_white_space_around_a_secret_is_dropped(self):
        desk = bench(ok(model()), access_token=f" {TOKEN}\n")
        desk.provider.get(MODEL)
        assert desk.service.requests[0].headers["authorization"] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize("secret", ["canary\nx: y", "canary\x00", "canáry", "can ary", " "])
    @pytest.mark.parametrize("slot", ["access_token", "api_key"])
    def test_what_cannot_be_a_header_is_refused_without_being_quoted(self, slot, secret):
        with pytest.raises(AuthenticationFailed, match="not all of which a token can have") as caught:
            bench(ok({}), **{"access_token": None, slot: secret})
        assert "can" not in str(caught.value).replace("can have", "")

    def test_a_refused_token_is_not_sent_again(self):
        desk = bench(error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."))
        with pytest.raises(AuthenticationFailed, match="invalid authentication credentials") as caught:
            desk.provider.get(MODEL)
        assert len(desk.service.requests) == 1
        assert "TUNECTL_ACCESS_TOKEN" in caught.value.hint

    def test_explicit_credentials_go_where_the_user_points_both(self):
        desk = bench(ok(model()), endpoint="https://gateway.example/palm")
        desk.provider.get(MODEL)
        assert str(desk.service.requests[0].url) == f"https://gateway.example/palm/v1beta/{MODEL}"
        assert desk.service.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


class TestWhereDefaultCredentialsGo:
    def test_not_to_loopback(self, lay_out):
        lay_out(USER)
        desk = bench(ok(model()), endpoint="http://127.0.0.1:9", access_token=None)
        desk.provider.get(MODEL)
        assert "authorization" not in desk.service.requests[0].headers
        assert len(desk.service.requests) == 1

    @pytest.mark.parametrize(
        "endpoint",
        ["https://evil.example", "https://googleapis.com.evil.example", "https://evilgoogleapis.com"],
    )
    def test_not_to_a_host_that_is_not_googles(self, lay_out, endpoint):
        lay_out(USER)
        with pytest.raises(AuthenticationFailed, match="are not sent to") as caught:
            bench(ok(model()), endpoint=endpoint, access_token=None)
        assert "TUNECTL_ACCESS_TOKEN" in caught.value.hint

    def test_not_anywhere_before_a_request_needs_them(self, lay_out):
        world = World()
        lay_out(USER)
        provider = adc(world)
        assert world.requests == []
        provider.close()


class TestDefaultCredentials:
    def test_of_a_user_are_refreshed_once_and_bill_their_own_project(self, lay_out):
        world = World()
        lay_out(USER)
        provider = adc(world)
        provider.get(MODEL)
        provider.get(MODEL)
        assert world.hosts == ["oauth2.googleapis.com", API, API]
        assert world.sent[0].headers["authorization"] == "Bearer token-1"
        assert world.sent[0].headers["x-goog-user-project"] == "billed"
        provider.close()

    def test_a_named_project_is_billed_before_the_credentials_own(self, lay_out):
        world = World()
        lay_out(USER)
        provider = bench(world, access_token=None, project="named").provider
        provider.get(MODEL)
        assert world.sent[0].headers["x-goog-user-project"] == "named"
        provider.close()

    def test_come_from_gclouds_own_file(self, tmp_path):
        world = World()
        folder = tmp_path / "gcloud"
        folder.mkdir()
        (folder / "application_default_credentials.json").write_text(json.dumps(USER))
        provider = adc(world)
        provider.get(MODEL)
        assert world.hosts == ["oauth2.googleapis.com", API]
        provider.close()

    def test_of_a_service_account_ask_for_both_scopes(self, lay_out):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        lay_out(
            {
                "type": "service_account",
                "client_email": "x@p.iam.gserviceaccount.com",
                "token_uri": "https://oauth2.googleapis.com/token",
                "private_key": pem,
            }
        )
        world = World()
        provider = adc(world)
        provider.get(MODEL)
        assert world.hosts == ["oauth2.googleapis.com", API]
        assertion = parse_qs(world.asked.content.decode())["assertion"][0]
        assert set(_claims(assertion)["scope"].split()) == SCOPES
        provider.close()

    def test_of_workload_identity_federation_speak_to_nobody_but_the_token_service(self, lay_out, tmp_path):
        (tmp_path / "oidc").write_text("canary-of-the-oidc-token-0123456789abcd")
        lay_out(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "https://sts.googleapis.com/v1/token",
                "credential_source": {"file": str(tmp_path / "oidc")},
            }
        )
        world = World()
        provider = adc(world)
        provider.get(MODEL)
        provider.get(MODEL)
        assert world.hosts == ["sts.googleapis.com", API, API]
        assert set(parse_qs(world.asked.content.decode())["scope"][0].split()) == SCOPES
        provider.close()

    def test_of_federation_with_aws_sign_with_the_machines_own_keys(self, lay_out, monkeypatch):
        for name, value in {
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "canary-of-the-aws-secret",
            "AWS_REGION": "eu-central-1",
        }.items():
            monkeypatch.setenv(name, value)
        lay_out(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
                "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
                "token_url": "https://sts.googleapis.com/v1/token",
                "credential_source": {
                    "environment_id": "aws1",
                    "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity",
                },
            }
        )
        world = World()
        provider = adc(world)
        provider.get(MODEL)
        assert world.hosts == ["sts.googleapis.com", API]
        assert b"canary" not in world.asked.content
        provider.close()

    def test_of_federation_by_a_program_run_nothing_unless_it_is_allowed(self, lay_out, monkeypatch, tmp_path):
        monkeypatch.delenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", raising=False)
        witness = tmp_path / "ran"
        lay_out(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
                "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
                "token_url": "https://sts.googleapis.com/v1/token",
                "credential_source": {"executable": {"command": f"touch {witness}", "timeout_millis": 5000}},
            }
        )
        world = World()
        provider = adc(world)
        with pytest.raises(AuthenticationFailed, match="could not be exchanged"):
            provider.get(MODEL)
        assert not witness.exists()
        assert world.requests == []
        provider.close()

    def test_of_an_impersonated_service_account_take_two_steps(self, lay_out):
        address = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/x@p.iam.gserviceaccount.com"
        lay_out(
            {
                "type": "impersonated_service_account",
                "source_credentials": USER,
                "service_account_impersonation_url": f"{address}:generateAccessToken",
                "delegates": [],
            }
        )
        world = World()
        provider = adc(world)
        provider.get(MODEL)
        assert world.hosts == ["oauth2.googleapis.com", "iamcredentials.googleapis.com", API]
        assert world.sent[0].headers["authorization"] == "Bearer impersonated-token-2"
        assert set(json.loads(world.asked.content)["scope"]) == SCOPES
        provider.close()

    def test_of_the_machine_come_from_the_metadata_server(self, monkeypatch):
        monkeypatch.delenv("NO_GCE_CHECK")
        asked = []

        def serve(request):
            if request.url.host == API:
                return ok(model())
            asked.append(request)
            flavor = {"metadata-flavor": "Google"}
            if request.url.path == "/":
                return httpx.Response(200, headers=flavor)
            return httpx.Response(200, headers=flavor, json={"access_token": "machine", "expires_in": 300})

        desk = bench(serve, access_token=None)
        desk.provider.get(MODEL)
        assert [request.url.path for request in asked] == [
            "/",
            "/computeMetadata/v1/instance/service-accounts/default/token",
        ]
        assert all(request.headers["metadata-flavor"] == "Google" for request in asked)
        assert set(asked[1].url.params["scopes"].split(",")) == SCOPES
        desk.provider.close()

    def test_a_portal_that_answers_for_the_metadata_server_is_not_it(self, monkeypatch):
        monkeypatch.delenv("NO_GCE_CHECK")
        desk = bench(httpx.Response(200, html="log in"), access_token=None)
        with pytest.raises(AuthenticationFailed, match="no credentials found"):
            desk.provider.get(MODEL)
        desk.provider.close()

    def test_no_metadata_server_means_no_credentials(self, monkeypatch):
        monkeypatch.delenv("NO_GCE_CHECK")
        desk = bench(httpx.ConnectTimeout("nobody there"), access_token=None)
        with pytest.raises(AuthenticationFailed, match="no credentials found"):
            desk.provider.get(MODEL)
        assert len(desk.service.requests) == 1
        desk.provider.close()

    def test_a_metadata_server_without_a_token_is_an_authentication_error(self, monkeypatch):
        monkeypatch.delenv("NO_GCE_CHECK")
        desk = bench(httpx.Response(404, headers={"metadata-flavor": "Google"}, text="canary"), access_token=None)
        with pytest.raises(AuthenticationFailed, match="could not be exchanged") as caught:
            desk.provider.get(MODEL)
        assert "canary" not in str(caught.value)
        desk.provider.close()

    def test_missing_ones_name_the_command_that_mends_it(self):
        desk = bench(ok({}), access_token=None)
        with pytest.raises(AuthenticationFailed, match="no credentials found") as caught:
            desk.provider.get(MODEL)
        assert "gcloud auth application-default login --scopes=" in caught.value.hint
        assert desk.service.requests == []
        assert desk.clock.slept == []
        desk.provider.close()

    @pytest.mark.parametrize(
        "content",
        [
            "canary {",
            '["canary"]',
            '{"type": "canary"}',
            '{"type": "gdch_service_account"}',
            '{"type": "service_account", "private_key": "canary", "client_email": "x", "token_uri": "y"}',
            '{"type": "authorized_user", "refresh_token": "canary"}',
            '{"type": "external_account", "credential_source": "canary"}',
            '{"type": "impersonated_service_account", "source_credentials": {"type": "canary"}}',
            "{}",
        ],
    )
    def test_a_file_that_makes_no_sense_is_named_and_not_quoted(self, lay_out, content):
        path = lay_out(content)
        desk = bench(ok({}), access_token=None)
        with pytest.raises(AuthenticationFailed) as caught:
            desk.provider.get(MODEL)
        assert str(path) in caught.value.message
        assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}"
        desk.provider.close()

    def test_a_file_that_is_not_there_is_named(self, monkeypatch, tmp_path):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        desk = bench(ok({}), access_token=None)
        with pytest.raises(AuthenticationFailed, match=r"none\.json: No such file"):
            desk.provider.get(MODEL)
        desk.provider.close()

    def test_a_refused_refresh_tells_the_code_and_nothing_else(self, lay_out):
        lay_out(USER)
        refusal = httpx.Response(400, json={"error": "invalid_grant", "error_description": "canary Bad Request"})
        desk = bench(refusal, access_token=None)
        with pytest.raises(AuthenticationFailed, match=r"\(invalid_grant\)") as caught:
            desk.provider.get(MODEL)
        assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}"
        desk.provider.close()

    def test_a_token_service_that_cannot_be_reached_is_unavailable_and_tried_again(self, lay_out):
        lay_out(USER)
        world = World()

        def serve(request):
            if not world.requests:
                world.requests.append(("", ""))
                raise httpx.ConnectError("no route")
            return world(request)

        desk = bench(serve, access_token=None)
        desk.provider.get(MODEL)
        assert world.hosts[1:] == ["oauth2.googleapis.com", API]
        desk.provider.close()

    @pytest.mark.parametrize("fault", [httpx.ConnectError("no route"), httpx.Response(503, text="canary")])
    def test_a_token_service_that_stays_away_is_unavailable(self, lay_out, fault):
        lay_out(USER)
        desk = bench(fault, access_token=None)
        with pytest.raises(Unavailable, match="token service"):
            desk.provider.get(MODEL)
        assert len(desk.clock.slept) == 4
        desk.provider.close()

    @pytest.mark.parametrize("answer", [httpx.Response(200, html="<p>canary</p>"), ok(["canary"]), ok({})])
    def test_a_token_service_that_talks_nonsense_is_an_authentication_error(self, lay_out, answer):
        lay_out(USER)
        desk = bench(answer, access_token=None)
        with pytest.raises(AuthenticationFailed, match="could not be exchanged") as caught:
            desk.provider.get(MODEL)
        assert "canary" not in str(caught.value)
        desk.provider.close()

    def test_a_token_that_no_header_can_carry_is_refused(self, lay_out):
        lay_out(USER)
        desk = bench(ok({"access_token": "canary\nx", "expires_in": 60}), access_token=None)
        with pytest.raises(AuthenticationFailed, match="without a usable token") as caught:
            desk.provider.get(MODEL)
        assert "canary" not in str(caught.value)
        desk.provider.close()


class TestRefresh:
    def test_a_refused_token_is_refreshed_and_the_request_sent_once_more(self, lay_out):
        world = World(valid=lambda token: token != "token-1")
        lay_out(USER)
        provider = adc(world)
        assert provider.get(MODEL).resource == MODEL
        assert world.hosts == ["oauth2.googleapis.com", API, "oauth2.googleapis.com", API]
        provider.close()

    def test_a_second_refusal_is_final(self, lay_out):
        world = World(valid=lambda _token: False)
        lay_out(USER)
        provider = adc(world)
        with pytest.raises(AuthenticationFailed) as caught:
            provider.get(MODEL)
        assert world.hosts.count(API) == 2
        assert "gcloud auth application-default login" in caught.value.hint
        provider.close()

    def test_many_workers_with_one_expired_token_refresh_it_once(self, lay_out):
        world = World(valid=lambda token: token != "token-1")
        lay_out(USER)
        provider = adc(world)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _number: provider.get(MODEL), range(32)))
        assert world.hosts.count("oauth2.googleapis.com") == 2
        provider.close()


class TestSecretsStaySecret:
    def test_in_messages_events_and_logs_whatever_goes_wrong(self, lay_out, caplog):
        lay_out(USER)
        caplog.set_level(logging.DEBUG)
        faults = [
            error(400, "INVALID_ARGUMENT"), error(401, "UNAUTHENTICATED"), error(403, "PERMISSION_DENIED"),
            error(429, "RESOURCE_EXHAUSTED"), error(500, "INTERNAL"), httpx.Response(200, html="<p>"),
            httpx.Response(302, headers={"location": "https://evil.example"}), httpx.ReadError("x"),
        ]  # fmt: skip
        said = []
        for fault in faults:
            for steps, credentials in (
                ([fault], {}),
                ([fault], {"access_token": None, "api_key": KEY}),
                ([fault], {"access_token": None}),
                ([ok({"access_token": FRESH, "expires_in": 3600}), fault], {"access_token": None}),
            ):
                desk = bench(*steps, **credentials)
                with pytest.raises(TunectlError) as caught:
                    desk.provider.get(MODEL)
                said += [repr(caught.value), str(caught.value.hint), repr(desk.events), repr(vars(desk.provider._http))]
                chain = caught.value
                while chain := (chain.__cause__ or chain.__context__):
                    said.append(repr(chain))
                desk.provider.close()
        text = "\n".join(said) + caplog.text
        for secret in (TOKEN, KEY, SECRET, FRESH, USER["client_secret"]):
            assert [piece for start in range(len(secret) - 11) if (piece := secret[start : start + 12]) in text] == []


def test_google_auth_is_not_imported_for_the_emulator_or_an_explicit_token():
    code = (
        "import sys\n"
        "import reconciler.providers.registry\n"
        "assert not [name for name in sys.modules if name.startswith(('google.', 'cryptography', 'requests'))]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _claims(assertion):
    return jwt.decode(assertion, verify=False)
