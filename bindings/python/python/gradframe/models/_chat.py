"""Conversations as a model was trained with them, as transformers' tokenizers make them."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from gradframe import _gradframe
from gradframe.models._arguments import plan_error, type_error, unsupported

_UNSUPPORTED = ("return_assistant_tokens_mask", "sanitize_control_tokens", "tokenizer_kwargs")
# The names that templates have for what a model thinks before it answers.
_REASONING = ("reasoning_content", "thinking", "reasoning")
# Stands behind the message that is to go on; its blank shows whether the template keeps the blanks at a message's end.
_TAG = "CONTINUE_FINAL_MESSAGE_TAG "


class ChatTemplates:
    """A tokenizer's template of conversations."""

    def apply_chat_template(
        self: Any,
        conversation: Sequence[Any],
        tools: Sequence[Mapping[str, Any]] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool | str = False,
        tokenize: bool = True,
        padding: bool | str = False,
        truncation: bool = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_dict: bool = True,
        **variables: Any,
    ) -> Any:
        """A conversation, a list of messages (dictionaries: `role`, `content`, `tool_calls` and whatever the template reads), or several,
        as the model was trained with it: as tokens (`input_ids`, `attention_mask`; without `return_dict` the first alone), or with
        `tokenize=False` as a text. `tools` are JSON schemas of functions, `documents` dictionaries; `chat_template` is another template,
        or the name of one of the tokenizer's. `continue_final_message` (True, or the key of the message) leaves the last message open.
        Other arguments are variables of the template (`enable_thinking`).
        Errors: `PlanError` without a template or messages, and where the template does not show the message that is to go on;
        `DTypeError` for a message that is no dictionary; `ExecutionError` with the template's own words."""
        for name in _UNSUPPORTED:
            if variables.pop(name, None):
                raise unsupported(f"apply_chat_template: `{name}` is not supported")
        if continue_final_message and add_generation_prompt:
            raise plan_error("apply_chat_template: expected one of continue_final_message and add_generation_prompt, got both")
        template = self.get_chat_template(chat_template, tools)
        given = {"tools": _tools(tools), "documents": _documents(documents), "add_generation_prompt": add_generation_prompt}
        given = self.special_tokens_map | {name: plain(value) for name, value in variables.items()} | given
        several = isinstance(conversation, (list, tuple)) and bool(conversation) and _is_talk(conversation[0])
        texts = [
            _rendered(template, messages_of(talk), given, continue_final_message)
            for talk in (conversation if several else [conversation])
        ]
        if not tokenize:
            return texts if several else texts[0]
        options = {"padding": padding, "truncation": truncation, "max_length": max_length, "return_tensors": return_tensors}
        found = self(texts if several else texts[0], add_special_tokens=False, **options)
        return found if return_dict else found["input_ids"]

    def get_chat_template(self: Any, chat_template: str | None = None, tools: Any = None) -> str:
        """The source of the template that `apply_chat_template` takes with these arguments. Errors: `PlanError` if there is none."""
        own = self.chat_template
        if isinstance(own, dict):
            if chat_template is not None:
                return own.get(chat_template, chat_template)
            name = "tool_use" if tools is not None and "tool_use" in own else "default"
            if name not in own:
                raise plan_error(f"chat template: expected the name of one, the tokenizer has {', '.join(own)} and no default")
            return str(own[name])
        found = own if chat_template is None else chat_template
        if found is None:
            raise plan_error(f"chat template: {self.path} has none; hint: chat_template= takes one")
        return str(found)

    @property
    def chat_template(self: Any) -> str | dict[str, str] | None:
        """The source of its template of conversations, or several by their names; None if it has none. It can be set."""
        if "_chat" in self.__dict__:
            return self.__dict__["_chat"]
        file = pathlib.Path(self._engine.path, "chat_template.jinja")
        said = file.read_text(encoding="utf-8") if file.is_file() else self._setting("chat_template")
        if isinstance(said, list):
            said = {one["name"]: one["template"] for one in said if isinstance(one, dict) and {"name", "template"} <= one.keys()}
            return said["default"] if said.keys() == {"default"} else said
        return said

    @chat_template.setter
    def chat_template(self: Any, template: str | dict[str, str] | None) -> None:
        self.__dict__["_chat"] = template


def _is_talk(one: Any) -> bool:
    return isinstance(one, (list, tuple)) or hasattr(one, "messages")


def messages_of(talk: Any) -> list[dict[str, Any]]:
    """The messages of a conversation as dictionaries of plain values, without keys that are None.
    Errors: `PlanError` for none, `DTypeError` naming one that is no dictionary."""
    talk = getattr(talk, "messages", talk)
    if not talk:
        raise plan_error("apply_chat_template: expected a message or more, got none")
    found = []
    for at, turn in enumerate(talk):
        own = plain(turn) if not isinstance(turn, str) else turn
        if not isinstance(own, dict):
            raise type_error(f"apply_chat_template: message {at}: expected a dictionary of role and content, got {turn!r}")
        own = {name: value for name, value in own.items() if value is not None}
        thought = next((own[name] for name in _REASONING if name in own), None)
        found.append(own if thought is None else {"thinking": thought, **own, "reasoning_content": thought})
    return found


def plain(value: Any) -> Any:
    """Values as a template may see them: dictionaries, lists, texts, numbers. Errors: `DTypeError` for others."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    for name in ("model_dump", "item"):  # pydantic's models, NumPy's numbers
        if callable(getattr(value, name, None)):
            return plain(getattr(value, name)())
    raise type_error(f"apply_chat_template: expected texts, numbers, lists and dictionaries, got {value!r}")


def _tools(tools: Any) -> Any:
    if tools is None:
        return None
    for at, tool in enumerate(tools):
        if callable(tool) and not isinstance(tool, Mapping):
            what = f"apply_chat_template: tools: item {at} is a function, {getattr(tool, '__name__', tool)}"
            raise unsupported(f"{what}, which is not supported; hint: give its JSON schema, a dictionary")
    return plain(list(tools))


def _documents(documents: Any) -> Any:
    wrong = next((one for one in documents or () if not isinstance(one, Mapping)), None)
    if wrong is not None:
        raise type_error(f"apply_chat_template: documents: expected dictionaries of title and text, got {wrong!r}")
    return None if documents is None else plain(list(documents))


def _rendered(template: str, talk: list[dict[str, Any]], given: dict[str, Any], go_on: bool | str) -> str:
    """A conversation by a template, open at its end if its last message is to go on. Source: transformers' render_jinja_template."""
    if not go_on:
        return _gradframe.render_chat(template, {**given, "messages": talk})
    last = _tagged(talk, go_on if isinstance(go_on, str) else "content")
    text = _gradframe.render_chat(template, {**given, "messages": talk})
    at = text.rfind(_TAG.strip())
    if at < 0 or last.strip() not in text:
        raise plan_error("apply_chat_template: continue_final_message: the template does not show the last message as it is")
    keeps_blanks = text[at : at + len(_TAG)] == _TAG
    return text[:at] if keeps_blanks else text[:at].rstrip()


def _tagged(talk: list[dict[str, Any]], key: str) -> str:
    """Puts the tag behind the last message's text, in place. That text."""
    value = talk[-1].get(key)
    if isinstance(value, list):
        part = next((part for part in reversed(value) if isinstance(part, dict) and isinstance(part.get("text"), str)), None)
        if part is not None:
            last: str = part["text"]
            part["text"] = last + _TAG
            return last
    if not isinstance(value, str):
        raise plan_error(f"apply_chat_template: continue_final_message: the last message has no text under `{key}`")
    for name in [name for name in _REASONING if talk[-1].get(name) == value] if key in _REASONING else [key]:
        talk[-1][name] = value + _TAG
    return value
