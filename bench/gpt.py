"""GPT-2 124M writing 96 tokens after a prompt of 32, batch 1, against what a person would use.

Peers: transformers' ``generate`` in fp32 and bf16, and llama.cpp (the xllamacpp wheel) at q8_0.
Everybody has the same shape with random weights (speed does not depend on them), draws greedily
and is timed over the whole call, reading the prompt included; rounds are interleaved and the best
of each counts. Ours runs as the page does: frames with probabilities and candidates.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

PROMPT, NEW, ROUNDS = 32, 96, 5
LAYERS, HEADS, WIDTH, CONTEXT, VOCAB = 12, 12, 768, 1024, 50257
THREADS = os.cpu_count() or 1


def main() -> dict[str, float]:
    """Keys: tokens_per_s (int8), fp32 and bf16 of ours, of each peer, and the two ratios."""
    torch.set_num_threads(THREADS)
    print(ceiling())
    with tempfile.TemporaryDirectory(prefix="genapp-bench-") as folder:
        runs = {**ours(), **transformers(), "llamacpp_q8": llamacpp(Path(folder))}
        best = dict.fromkeys(runs, 0.0)
        for turn in range(ROUNDS + 1):  # the first round warms up
            for name, run in runs.items():
                began = time.perf_counter()
                run()
                if turn:
                    best[name] = max(best[name], NEW / (time.perf_counter() - began))
    for name, speed in best.items():
        print(f"{name:20s} {speed:7.1f} tokens/s")
    return {
        "tokens_per_s": best["int8"],
        "ratio_transformers": best["int8"] / best["transformers_fp32"],
        "ratio_transformers_bf16": best["bf16"] / best["transformers_bf16"],
        "ratio_llamacpp": best["int8"] / best["llamacpp_q8"],
        **{f"{name}_tokens_per_s": speed for name, speed in best.items()},
    }


def ceiling() -> str:
    """What memory allows: every weight is read once per token."""
    block = torch.zeros(64 << 20)  # 256 MB
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        block.sum()
        seconds.append(time.perf_counter() - began)
    rate = block.numel() * 4 / min(seconds) / 1e9
    limits = ", ".join(f"{n} {rate / (0.1236 * b):.0f}" for n, b in (("fp32", 4), ("int8", 1)))
    return f"memory reads {rate:.0f} GB/s, so at most {limits} tokens/s"


def ours() -> dict[str, Callable[[], object]]:
    """Name → one whole text, through the family's own ``generate``."""
    from genapp import checkpoints, runtime, service
    from genapp.families.gpt.generate import generate
    from genapp.families.gpt.model import build
    from genapp.families.gpt.spec import PRESETS, GenerateRequest
    from genapp.families.gpt.tokenizer import Characters

    alphabet = [chr(0x20000 + i) for i in range(VOCAB)]  # one character a token, and no end token
    files = {"tokenizer.json": Characters(alphabet).dump()}
    meta = checkpoints.Meta(
        family="gpt", preset="gpt2", config={}, step=0, steps=0, seed=0, data=(), metrics={},
        hardware="", seconds=0, parameters=0,
    )  # fmt: skip
    request = GenerateRequest(
        prompt="".join(alphabet[:PROMPT]), temperature=0.0, max_new_tokens=NEW
    )

    def runner(precision: runtime.Precision) -> Callable[[], object]:
        torch.manual_seed(0)
        model = build(PRESETS["gpt2"].config).eval().requires_grad_(False)
        loaded = service.Loaded(
            model=runtime.at_precision(model, precision), meta=meta, files=files,
            device=torch.device("cpu"),
        )  # fmt: skip
        return lambda: [frame.text for frame in generate(loaded, request)]

    return {"fp32": runner("fp32"), "bf16": runner("bf16"), "int8": runner("int8")}


def transformers() -> dict[str, Callable[[], object]]:
    """The default peer: ``model.generate`` with its own cache."""
    from transformers import GPT2Config, GPT2LMHeadModel

    ids = torch.arange(PROMPT)[None]

    def runner(dtype: torch.dtype) -> Callable[[], object]:
        torch.manual_seed(0)
        model = GPT2LMHeadModel(GPT2Config()).eval().to(dtype)
        settings = {"do_sample": False, "max_new_tokens": NEW, "min_new_tokens": NEW}
        return lambda: model.generate(ids, attention_mask=torch.ones_like(ids), **settings)

    return {"transformers_fp32": runner(torch.float32), "transformers_bf16": runner(torch.bfloat16)}


def llamacpp(folder: Path) -> Callable[[], object]:
    """llama.cpp on a q8_0 file of the same shape."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(write_gguf(folder / "gpt2-q8_0.gguf"))
    params.n_ctx, params.n_parallel, params.warmup = 512, 1, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.verbosity = -1
    server = xllamacpp.Server(params)
    request = {
        "prompt": list(range(PROMPT)), "n_predict": NEW, "temperature": 0, "ignore_eos": True,
        "cache_prompt": False,
    }  # fmt: skip

    def run() -> None:
        answer = server.handle_completions(request)
        assert answer["usage"]["completion_tokens"] == NEW, answer

    return run


def write_gguf(path: Path) -> Path:
    """GPT-2 small with random weights, matrices in q8_0."""
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(str(path), "gpt2")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(4 * WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([f"t{i}" for i in range(VOCAB)])
    writer.add_token_types([gguf.TokenType.NORMAL] * VOCAB)
    writer.add_token_merges(["t 0"])
    rng = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        values = rng.normal(0, 0.02, shape).astype(np.float32)
        if len(shape) == 1 or name.startswith("position"):
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", VOCAB, WIDTH)
    add("position_embd.weight", CONTEXT, WIDTH)
    shapes = {
        "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,), "attn_qkv": (3 * WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH), "ffn_up": (4 * WIDTH, WIDTH), "ffn_down": (WIDTH, 4 * WIDTH),
    }  # fmt: skip
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            add(f"blk.{layer}.{name}.weight", *shape)
            add(f"blk.{layer}.{name}.bias", shape[0])
    add("output_norm.weight", WIDTH)
    add("output_norm.bias", WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
