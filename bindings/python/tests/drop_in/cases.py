"""Lines as scripts for transformers and sentence-transformers have them, asked of those by `make.py` and of `gf.models` by the tests.

Each is a function of a library: a namespace with the classes, `array` for rows of numbers and `kind` for `return_tensors`.
"""

import json
import pathlib
import shutil

import numpy as np

MODELS = pathlib.Path(__file__).resolve().parents[4] / "tests" / "slt" / "data" / "models"
TEXTS = ["a cat", "A much longer sentence, isn't it? Yes.", "", "  blanks  "]
PAIRS = [("a cat", "a dog runs far"), ("x", "y")]
ROWS = [[2, 4, 6, 3], [2, 5, 16, 14, 7, 3], [2, 3]]
LONG, OTHER = "a cat sat on a mat", "a dog runs far away"

# Of the tokenizer of all-MiniLM-L6-v2.
TOKENIZER = {
    "one text": lambda t: t("a cat"),
    "texts": lambda t: t(TEXTS),
    "filled up": lambda t: t(TEXTS, padding=True),
    "as an array": lambda t: t(TEXTS, padding=True, truncation=True, return_tensors="np"),
    "one as an array": lambda t: t("a cat", return_tensors="np"),
    "to max_length": lambda t: t(TEXTS, padding="max_length", max_length=8, truncation=True),
    "max_length alone": lambda t: t(TEXTS, max_length=5),
    "max_length with padding": lambda t: t(TEXTS, max_length=5, padding=True),
    "a pair": lambda t: t("a cat", "a dog"),
    "by name": lambda t: t(text="a cat", text_pair="a dog"),
    "two lists": lambda t: t(["a cat", "x"], ["a dog runs far", "y"], padding=True),
    "a list of pairs": lambda t: t(PAIRS, padding=True),
    "a pair cut": lambda t: t(LONG, OTHER, truncation=True, max_length=9),
    "a pair cut to little": lambda t: t(LONG, OTHER, truncation=True, max_length=6),
    "the first one cut": lambda t: t(LONG, OTHER, truncation="only_first", max_length=11),
    "the second one cut": lambda t: t(LONG, OTHER, truncation="only_second", max_length=11),
    "the pair cut with places": lambda t: t(LONG, OTHER, truncation=True, max_length=8, return_offsets_mapping=True),
    "no special tokens": lambda t: t("a cat", add_special_tokens=False),
    "a pair without special tokens": lambda t: t("a cat", "a dog", add_special_tokens=False),
    "to a multiple": lambda t: t(TEXTS, padding=True, pad_to_multiple_of=8),
    "filled up on the left": lambda t: t(TEXTS, padding=True, padding_side="left"),
    "which are special": lambda t: t(TEXTS, padding=True, return_special_tokens_mask=True),
    "places": lambda t: t(TEXTS, padding=True, return_offsets_mapping=True),
    "places of a cut text": lambda t: t(TEXTS[1], truncation=True, max_length=6, return_offsets_mapping=True),
    "lengths": lambda t: t(TEXTS, return_length=True),
    "without kinds and mask": lambda t: t("a cat", return_token_type_ids=False, return_attention_mask=False),
    "encode": lambda t: [t.encode("a cat"), t.encode("a cat", "a dog"), t.encode("a cat", add_special_tokens=False)],
    "tokenize": lambda t: [t.tokenize(TEXTS[1]), t("a cat").tokens()],
    "decode": lambda t: [t.decode(t(TEXTS[1])["input_ids"], skip_special_tokens=skip) for skip in (False, True)],
    "decode one, rows, none": lambda t: [t.decode(1037), t.decode(t(TEXTS)["input_ids"], skip_special_tokens=True), t.batch_decode([])],
    "batch_decode": lambda t: t.batch_decode(t(TEXTS, padding=True, return_tensors="np")["input_ids"], skip_special_tokens=True),
    "special tokens": lambda t: [t.special_tokens_map, t.all_special_tokens, t.all_special_ids, t.bos_token_id, t.mask_token_id],
    "sizes": lambda t: [t.vocab_size, len(t), t.model_max_length, t.padding_side, t.truncation_side, t.is_fast, t.model_input_names],
    "conversions": lambda t: [t.convert_tokens_to_ids(["a", "nonesuch-token"]), t.convert_ids_to_tokens([1037, 4937])],
    "texts of tokens": lambda t: [t.convert_tokens_to_string(["jump", "##ed", "far"]), t.get_vocab()["cat"], t.num_special_tokens_to_add()],
    "pad": lambda t: t.pad({"input_ids": [[1, 2, 3], [1]]}),
    "pad dictionaries": lambda t: t.pad([t("a cat"), t("a")], return_tensors="np"),
    "pad to a length": lambda t: t.pad({"input_ids": [[1, 2, 3], [1]]}, padding="max_length", max_length=5),
    "a padding token": lambda t: [
        setattr(t, "pad_token", "."),
        setattr(t, "padding_side", "left"),
        t.pad_token_id,
        t(["a cat", "a"], padding=True),
    ],
    "cut on the left": lambda t: [setattr(t, "truncation_side", "left"), t(LONG, truncation=True, max_length=5)],
}

# Of SentenceTransformer with all-MiniLM-L6-v2: the class, and its directory.
SENTENCES = {
    "encode": lambda lib, at: lib.SentenceTransformer(at, device="cpu").encode(TEXTS, batch_size=2, show_progress_bar=False)[:, :5],
    "one text": lambda lib, at: lib.SentenceTransformer(at).encode("a cat")[:5],
    "normalized": lambda lib, at: lib.SentenceTransformer(at).encode(TEXTS, normalize_embeddings=True, convert_to_numpy=True)[:, :5],
    "prompt": lambda lib, at: lib.SentenceTransformer(at).encode(TEXTS, prompt="query: ")[:, :5],
    "prompts": lambda lib, at: lib.SentenceTransformer(at, prompts={"q": "Q: "}).encode(TEXTS, prompt_name="q")[:, :5],
    "default prompt": lambda lib, at: lib.SentenceTransformer(at, prompts={"q": "Q: "}, default_prompt_name="q").encode(TEXTS)[:, :5],
    "queries": lambda lib, at: [
        lib.SentenceTransformer(at).encode_query(TEXTS)[:, :3],
        lib.SentenceTransformer(at).encode_document("a")[:3],
    ],
    "cut vectors": lambda lib, at: lib.SentenceTransformer(at, truncate_dim=4).encode(TEXTS, normalize_embeddings=True),
    "bits": lambda lib, at: [lib.SentenceTransformer(at).encode(TEXTS, precision=p)[:, :6] for p in ("binary", "ubinary")],
    "similarity": lambda lib, at: [_similar(lib, at, name) for name in ("cosine", "dot", "euclidean", "manhattan")],
    "settings": lambda lib, at: _settings(lib.SentenceTransformer(at)),
    "short": lambda lib, at: _short(lib.SentenceTransformer(at)),
    "tokens": lambda lib, at: lib.SentenceTransformer(at).tokenize(TEXTS)["input_ids"],
    "search": lambda lib, at: _search(lib, lib.SentenceTransformer(at)),
    "mining": lambda lib, at: lib.util.paraphrase_mining(lib.SentenceTransformer(at), ["a cat", "a kitten", "stocks fell"]),
}


def _similar(lib, at, name):
    model = lib.SentenceTransformer(at, similarity_fn_name=name)
    first, second = model.encode(TEXTS[:2]), model.encode(TEXTS[2:])
    return [model.similarity(first, second), model.similarity_pairwise(first, second)]


def _settings(model):
    return [
        model.get_sentence_embedding_dimension(),
        model.max_seq_length,
        model.get_max_seq_length(),
        model.similarity_fn_name,
        str(model.device),
    ]


def _short(model):
    model.max_seq_length = 5
    return model.encode(TEXTS)[:, :4]


def _search(lib, model):
    query, corpus = model.encode(["a kitten"]), model.encode(TEXTS[:3])
    return [lib.util.semantic_search(query, corpus, top_k=2), lib.util.cos_sim(query, corpus), lib.util.dot_score(query, corpus)]


# Of the small models beside the SQL tests.
NETWORKS = {
    "vectors": lambda lib: _masked(lib, lib.AutoModel.from_pretrained(MODELS / "embedder"), "last_hidden_state"),
    "labels": lambda lib: _called(lib, lib.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")).logits,
    "labels of pairs": lambda lib: (
        _called(lib, lib.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader"), kinds=True).logits
    ),
    "a tuple": lambda lib: lib.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")(
        lib.array([[2, 4, 3]]), return_dict=False
    )[0],
    "by place": lambda lib: lib.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader").eval()(
        input_ids=lib.array([[2, 4, 3]])
    )[0],
    "configuration": lambda lib: _configuration(lib.AutoModelForSequenceClassification.from_pretrained(MODELS / "grader")),
    "next tokens": lambda lib: lib.AutoModelForCausalLM.from_pretrained(MODELS / "teller")(lib.array([[4, 6, 5]])).logits,
    "generate": lambda lib: _generated(lib, [[4, 6]]),
    "new tokens": lambda lib: _generated(lib, [[4, 6]], max_new_tokens=5),
    "max_length": lambda lib: _generated(lib, [[4, 6]], max_length=6),
    "two prompts": lambda lib: _generated(lib, [[0, 4, 6], [5, 9, 11]], [[0, 1, 1], [1, 1, 1]], max_new_tokens=6),
    "an end": lambda lib: [_generated(lib, [[word, 6]], max_new_tokens=10) for word in range(4, 12)],
    "beams": lambda lib: _generated(lib, [[4, 6]], max_new_tokens=6, num_beams=3, length_penalty=0.5),
    "repetition": lambda lib: _generated(lib, [[4, 6]], max_new_tokens=8, repetition_penalty=1.7),
    "at least": lambda lib: _generated(lib, [[4, 6]], max_new_tokens=9, min_new_tokens=9),
    "the best of one": lambda lib: _generated(lib, [[4, 6]], max_new_tokens=4, do_sample=True, top_k=1, num_return_sequences=2),
    "filled up": lambda lib: _generated(lib, [[4, 6], [7, 6]], max_new_tokens=10, pad_token_id=0),
    "as a dictionary": lambda lib: _generated(lib, [[4, 6]], max_new_tokens=3, return_dict_in_generate=True)["sequences"],
}


# Of models that are made in a folder for it: their tokens are letters, blanks and line ends.
FOLDERS = {
    "blanks at the ends of texts": lambda lib, at: lib.SentenceTransformer(str(letters(at, "embedder"))).encode(BLANKS),
    "blanks behind a prompt": lambda lib, at: lib.SentenceTransformer(str(letters(at, "embedder"))).encode(BLANKS, prompt=" q: "),
    "a special token stops": lambda lib, at: [_stopped(lib, letters(at, "teller"), stop) for stop in STOPS],
    "pairs of long texts": lambda lib, at: _cut_pairs(lib.AutoTokenizer.from_pretrained(letters(at, "embedder"))),
    "conversations": lambda lib, at: _talks(lib.AutoTokenizer.from_pretrained(letters(at, "teller"))),
    "in less memory": lambda lib, at: _quantized(lib.util.quantize_embeddings),
    "messages that go on": lambda lib, at: _open_talks(lib.AutoTokenizer.from_pretrained(letters(at, "teller"))),
}
BLANKS = ["ab", " ab", "ab ", "ab\n", "\tab \n", "  "]
STOPS = [["[PAD]"], ["y[PAD]"], ["yy"], ["d", "[PAD][PAD]"], ["[SEP]"]]
CALL = {"id": 7, "type": "function", "function": {"name": "getw", "arguments": {"z": 1, "city": "Ulm", "a": [0.5, None, True]}}}
TOOL = {"type": "function", "function": {"name": "getw", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
TALKS = [
    [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes "}],
    [{"role": "user", "content": "hello", "name": "ann"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
    [{"role": "assistant", "content": "so", "reasoning_content": "hm"}, {"role": "assistant", "content": "so", "thinking": "ah"}],
    [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "look "}]}, {"role": "assistant", "tool_calls": None}],
]
TEMPLATES = [
    "{% for m in messages %}[{{ m.role }}{{ ' ' ~ m.name if m.name }}]{{ m.content if m.content is string }}{% for c in m.tool_calls or [] %}<{{ c.function.name }} "
    "{{ c.function.arguments | tojson }}>{% endfor %}{{ m.reasoning_content }}{{ m.thinking }}\n{% endfor %}{{ add_generation_prompt }}",
    "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}"
    "{{ part.text if part.type == 'text' else '(' ~ part.type ~ ')' }}{% endfor %}{% endif %}{{ 'content' in m }}\n{% endfor %}",
    "{{ tools | tojson if tools else tools is none }}{% for d in documents or [] %}{{ d.title }}: {{ d.text }}{% endfor %}"
    "{{ enable_thinking is defined and enable_thinking is false }}{{ pad_token }}{{ messages | length }}{{ level }}",
]


def letters(folder, like):
    """One of the models with a tokenizer of letters."""
    target = pathlib.Path(folder, like)
    shutil.copytree(MODELS / like, target, dirs_exist_ok=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {text: at for at, text in enumerate([*special, *"abcdefghijklmnopqrstuvwxyz", "Ġ", "Ċ"])}
    around = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    end = {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
    second = [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    one_by_one = {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False}
    processor = {
        "type": "TemplateProcessing",
        "single": [*around, end],
        "pair": [*around, end, *second],
        "special_tokens": {text: {"id": text, "ids": [vocabulary[text]], "tokens": [text]} for text in special},
    }
    plain_token = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": at, "content": text, **plain_token} for at, text in enumerate(special)],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [one_by_one, byte_level]},
        "post_processor": processor if like == "embedder" else None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [], "unk_token": "[UNK]"},
    }
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 16, **names}
    (target / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (target / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return target


def _stopped(lib, folder, stop):
    model, tokenizer = lib.AutoModelForCausalLM.from_pretrained(folder), lib.AutoTokenizer.from_pretrained(folder)
    ids = lib.array([[14, 9]])
    options = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "stop_strings": stop, "tokenizer": tokenizer}
    return model.generate(ids, attention_mask=lib.array([[1, 1]]), **options)


def _cut_pairs(tokenizer):
    sizes = [(first, second, most) for first in (0, 1, 5, 9, 12) for second in (1, 5, 8, 12) for most in (4, 7, 8, 11)]
    return [tokenizer("a" * first, "b" * second, truncation=True, max_length=most)["input_ids"] for first, second, most in sizes]


def _talks(tokenizer):
    document = {"title": "t", "text": "x"}
    more = [
        {},
        {"add_generation_prompt": True},
        {"tools": [TOOL], "documents": [document], "enable_thinking": False, "level": 2, "pad_token": "<p>"},
    ]
    cases = [(talk, template, given) for talk in TALKS for template in TEMPLATES for given in more]
    texts = [tokenizer.apply_chat_template(talk, chat_template=text, tokenize=False, **given) for talk, text, given in cases]
    tokenizer.chat_template = {"default": "{{ messages | length }}", "tool_use": "{{ tools | length }} tools", "short": "s"}
    named = [{}, {"tools": [TOOL]}, {"chat_template": "short"}, {"chat_template": "{{ 'other' }}"}]
    return [*texts, *(tokenizer.apply_chat_template(TALKS[0], tokenize=False, **given) for given in named)]


def _quantized(quantize):
    vectors = (np.arange(24).reshape(6, 4) * [7, 3, -5, 0] % 11).astype("f4") - 4
    found = [quantize(vectors, precision=name) for name in ("float32", "int8", "uint8", "binary", "ubinary")]
    ranges = np.array([[0, 0, -3, 0], [20, 20, 5, 1]])
    return [*found, quantize(vectors, "uint8", ranges=ranges), quantize(vectors[:1], "int8", calibration_embeddings=vectors[2:])]


def _open_talks(tokenizer):
    keeps = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    trims = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}"
    parts = [{"role": "user", "content": [{"type": "text", "text": "a "}, {"type": "image"}]}]
    thinks = "{% for m in messages %}{{ m.reasoning_content }}|{{ m.content }}{% endfor %}"
    asked = [(TALKS[0], keeps, True), (TALKS[0], trims, True), (TALKS[2], thinks, "reasoning_content"), (TALKS[2], thinks, "thinking")]
    asked += [(parts, "{{ messages[0].content[0].text }}", True)]
    given = {"tokenize": False}
    return [tokenizer.apply_chat_template(t, chat_template=c, continue_final_message=key, **given) for t, c, key in asked]


def _rows():
    longest = max(map(len, ROWS))
    ids = [row + [0] * (longest - len(row)) for row in ROWS]
    return ids, [[1] * len(row) + [0] * (longest - len(row)) for row in ROWS]


def _called(lib, model, kinds=False):
    ids, mask = map(lib.array, _rows())
    more = {"token_type_ids": lib.array([[0, 0, 1, 1, 1, 1]] * len(ROWS))} if kinds else {}
    return model(input_ids=ids, attention_mask=mask, **more)


def _masked(lib, model, *names):
    found, mask = _called(lib, model), np.array(_rows()[1])
    values = [plain_array(found[name]) for name in names]
    return [value * (mask if value.ndim == 2 else mask[..., None]) for value in values]


def _generated(lib, ids, mask=None, **options):
    model = lib.AutoModelForCausalLM.from_pretrained(MODELS / "teller")
    mask = [[1] * len(row) for row in ids] if mask is None else mask
    return model.generate(lib.array(ids), attention_mask=lib.array(mask), **options)


def _configuration(model):
    config = model.config
    return [config.hidden_size, config.num_labels, config.model_type, config.id2label[1], model.num_parameters()]


def plain_array(values):
    """Of whichever library, as NumPy's."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)


def plain(value):
    """An answer as JSON has it; floats with six digits."""
    if hasattr(value, "items"):
        return {name: plain(one) for name, one in value.items()}
    if hasattr(value, "detach") or isinstance(value, (np.ndarray, np.generic)):
        array = plain_array(value)
        return np.round(array.astype("f8"), 6).tolist() if array.dtype.kind == "f" else array.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
