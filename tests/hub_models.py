"""The part of the tests' Hub that takes uploads: repositories of models with commits, tags, pull requests and LFS.

It answers what ``HfApi`` asks for when it makes a repository, commits to it and reads from it. Large files go the LFS
way, or by Xet where `Models.cas` names a folder (``hf_xet`` takes ``local://`` addresses).
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

LARGE = (".safetensors", ".bin")


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: object = b""
    headers: Mapping[str, str] = {}


@dataclass(frozen=True)
class File:
    """A file of a commit; `large` ones are kept by LFS or Xet."""

    data: bytes
    large: bool = False
    xet: str = ""

    @property
    def git(self) -> str:
        """Its git hash: of a large file that of its pointer."""
        data = self.data
        if self.large:
            data = b"pointer " + self.sha256.encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Commit:
    """One commit."""

    oid: str
    parent: str | None
    title: str
    files: dict[str, File]


@dataclass
class Repository:
    """One repository of a model."""

    name: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag or itself."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        return next((commit for commit in self.commits if commit.oid == oid), None)

    def add(self, branch: str, files: dict[str, File], title: str) -> Commit:
        """Commit files to a branch."""
        parent = self.branches.get(branch)
        told = [self.name, parent, title, len(self.commits), sorted((path, file.git) for path, file in files.items())]
        commit = Commit(hashlib.sha1(json.dumps(told).encode()).hexdigest(), parent, title, files)
        self.commits.append(commit)
        self.branches[branch] = commit.oid
        return commit

    @property
    def files(self) -> dict[str, bytes]:
        """What is on its main branch."""
        commit = self.find("main")
        assert commit is not None
        return {path: file.data for path, file in commit.files.items() if path != ".gitattributes"}


@dataclass
class Models:
    """All repositories.

    Attributes:
        tokens: Token to user; only they may write, and see what is private.
        closed: Owners under whom nobody may write.
        stores: LFS objects by SHA-256.
        cas: ``local://`` address of a Xet store; empty: LFS.
        sent: By SHA-256, bytes that a test knows will go by Xet, where this server never sees them, and their Xet hash.
    """

    tokens: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    repositories: dict[str, Repository] = field(default_factory=dict)
    stores: dict[str, bytes] = field(default_factory=dict)
    cas: str = ""
    sent: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def reset(self) -> None:
        """Forget everything."""
        self.repositories.clear()
        self.stores.clear()
        self.closed.clear()
        self.sent.clear()
        self.cas = ""

    def put(self, repo: str, files: Mapping[str, bytes | None], *, branch: str = "main") -> str:
        """Commit files by hand, None removes one; return the commit."""
        with self.lock:
            there = self.repositories.setdefault(repo, _fresh(repo, private=False))
            commit = there.find(branch)
            assert commit is not None
            kept = dict(commit.files)
            for path, data in files.items():
                kept.pop(path, None)
                if data is not None:
                    kept[path] = File(data, path.endswith(LARGE))
            return there.add(branch, kept, "by hand").oid

    def route(
        self, url: str, method: str, path: str, query: Mapping[str, str], body: bytes, token: str
    ) -> Reply | None:
        """Answer, or None for what is none of a model."""
        with self.lock:
            return self._route(url, method, path, query, body, self.tokens.get(token))

    def _route(
        self, url: str, method: str, path: str, query: Mapping[str, str], body: bytes, user: str | None
    ) -> Reply | None:
        if path == "/api/whoami-v2":
            return Reply(200, {"type": "user", "name": user, "orgs": []}) if user else _refused(401)
        if path == "/api/validate-yaml":
            text = json.loads(body)["content"]
            wrong = [] if "\nlibrary_name: " in text else [{"message": "no library_name"}]
            return Reply(200, {"errors": wrong, "warnings": []})
        if path == "/api/repos/create":
            return self._create(url, json.loads(body), user)
        if found := re.fullmatch(r"/_lfs/([0-9a-f]{64})", path):
            if hashlib.sha256(body).hexdigest() != found[1]:
                return _refused(400)
            self.stores[found[1]] = body
            return Reply(200)
        if path.startswith("/_lfs_verify/"):
            return Reply(200 if json.loads(body)["oid"] in self.stores else 404, {})
        if found := re.fullmatch(r"/([\w.-]+/[\w.-]+?)\.git/info/lfs/objects/batch", path):
            return self._batch(url, json.loads(body), user)
        if found := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/(.*))?", path):
            return self._api(url, method, found[1], (found[2] or "").split("/", 2), query, body, user)
        if found := re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", path):
            return None if found[1].startswith("datasets/") else self._resolve(url, found[1], found[2], found[3], user)
        return None

    def _create(self, url: str, told: Mapping[str, Any], user: str | None) -> Reply:
        owner = told.get("organization") or user
        if not user or owner in self.closed:
            return _refused(403 if user else 401)
        repo = f"{owner}/{told['name']}"
        if repo in self.repositories:
            return Reply(409, {"error": "there already", "url": f"{url}/{repo}"})
        private = bool(told.get("private")) or told.get("visibility") == "private"
        self.repositories[repo] = _fresh(repo, private=private)
        return Reply(200, {"url": f"{url}/{repo}", "name": repo, "id": "1"})

    def _batch(self, url: str, told: Mapping[str, Any], user: str | None) -> Reply:
        if not user:
            return _refused(401)
        objects = []
        for wanted in told["objects"]:
            oid = wanted["oid"]
            actions = {"upload": {"href": f"{url}/_lfs/{oid}"}, "verify": {"href": f"{url}/_lfs_verify/{oid}"}}
            objects.append({"oid": oid, "size": wanted["size"]} | ({} if oid in self.stores else {"actions": actions}))
        return Reply(200, {"transfer": "basic", "objects": objects})

    def _api(
        self, url: str, method: str, repo: str, words: list[str], query: Mapping[str, str], body: bytes,
        user: str | None,
    ) -> Reply:  # fmt: skip
        there = self.repositories.get(repo)
        if there is None or (there.private and not user):
            return _refused(404 if user else 401, "RepoNotFound")
        verb, revision = words[0] or "revision", unquote(words[1]) if len(words) > 1 else "main"
        if method == "POST" and verb in ("commit", "tag", "preupload"):
            if not user or repo.split("/")[0] in self.closed:
                return _refused(403 if user else 401)
        commit = there.find(revision)
        if verb == "refs":
            tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid} for tag, oid in there.tags.items()]
            branches = [{"name": name, "ref": name, "targetCommit": oid} for name, oid in there.branches.items()]
            return Reply(200, {"branches": branches, "tags": tags, "converts": [], "pullRequests": []})
        if commit is None:
            return _refused(404, "RevisionNotFound")
        if verb in ("xet-write-token", "xet-read-token"):
            return self._xet_token()
        if verb == "revision":
            siblings = [{"rfilename": path} for path in sorted(commit.files)]
            return Reply(
                200, {"id": repo, "sha": commit.oid, "private": there.private, "tags": [], "siblings": siblings}
            )
        if verb == "tree":
            return Reply(200, [_entry(path, file) for path, file in sorted(commit.files.items())])
        if verb == "preupload":
            return Reply(200, {"files": [_mode(wanted, commit) for wanted in json.loads(body)["files"]]})
        if verb == "tag":
            name = json.loads(body)["tag"]
            if name in there.tags:
                return Reply(409, {"error": "there already"})
            there.tags[name] = commit.oid
            return Reply(200, {})
        if verb == "commit":
            return self._commit(url, there, revision, commit, query, body)
        return _refused(404)

    def _commit(
        self, url: str, there: Repository, branch: str, commit: Commit, query: Mapping[str, str], body: bytes
    ) -> Reply:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit") not in (None, commit.oid):
            return Reply(412, {"error": "A commit has happened since. Please refresh and try again."})
        files = dict(commit.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = File(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                files[value["path"]] = self._large(value["oid"], value["size"])
            elif line["key"] == "deletedFile":
                files.pop(value["path"], None)
        request = None
        if query.get("create_pr") == "1":
            number = 1 + sum(name.startswith("refs/pr/") for name in there.branches)
            branch, request = f"refs/pr/{number}", f"{url}/{there.name}/discussions/{number}"
            there.branches[branch] = commit.oid
        made = there.add(branch, files, header["summary"])
        told = {"success": True, "commitOid": made.oid, "commitUrl": f"{url}/{there.name}/commit/{made.oid}"}
        return Reply(200, told | {"hookOutput": "", "pullRequestUrl": request})

    def _large(self, oid: str, size: int) -> File:
        if oid in self.stores:
            return File(self.stores[oid], True)
        data, xet = self.sent[oid]
        assert len(data) == size
        return File(data, True, xet)

    def _xet_token(self) -> Reply:
        if not self.cas:
            return _refused(404)
        until = int(time.time()) + 3600
        told = {"accessToken": "x", "exp": until, "casUrl": self.cas}
        headers = {"X-Xet-Cas-Url": self.cas, "X-Xet-Access-Token": "x", "X-Xet-Token-Expiration": str(until)}
        return Reply(200, told, headers)

    def _resolve(self, url: str, repo: str, revision: str, path: str, user: str | None) -> Reply:
        there = self.repositories.get(repo)
        if there is None or (there.private and not user):
            return _refused(404 if user else 401, "RepoNotFound")
        commit = there.find(unquote(revision))
        if commit is None:
            return _refused(404, "RevisionNotFound")
        if path not in commit.files:
            return Reply(404, {"error": "none"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit.oid})
        file = commit.files[path]
        mark = file.sha256 if file.large else file.git
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{mark}"', "Accept-Ranges": "bytes"}
        if file.large:
            headers |= {"X-Linked-Etag": f'"{mark}"', "X-Linked-Size": str(len(file.data))}
        if file.xet:
            route = f"{url}/api/models/{repo}/xet-read-token/{commit.oid}"
            headers |= {"X-Xet-Hash": file.xet, "X-Xet-Refresh-Route": route}
        return Reply(200, file.data, headers)


def _fresh(repo: str, *, private: bool) -> Repository:
    there = Repository(repo, private)
    there.add("main", {".gitattributes": File(b"*.safetensors filter=lfs\n")}, "initial commit")
    return there


def _entry(path: str, file: File) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(file.data), "oid": file.git}
    if file.large:
        told["lfs"] = {"oid": file.sha256, "size": len(file.data), "pointerSize": 134}
    return told


def _mode(wanted: Mapping[str, Any], commit: Commit) -> dict[str, Any]:
    path = wanted["path"]
    there = commit.files.get(path)
    oid = None if there is None else there.sha256 if there.large else there.git
    mode = "lfs" if path.endswith(LARGE) else "regular"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid}


def _refused(status: int, code: str = "") -> Reply:
    return Reply(status, {"error": "as the Hub says it"}, {"X-Error-Code": code} if code else {})
