"""transformers' Llama learns an exported corpus in a plain loop with AdamW, until it reaches a level of accuracy.

    python -m tasks export reversal --out exported
    python train/bench/llama.py exported --visibility full --split inverse --level 0.95

It is written as a user of transformers would write it, and shares no code with this project. It prints a line of JSON
for each evaluation. With `--visibility causal` each token of a statement is predicted from those left of it. With
`full` the first or the last entity of each document's statement is masked, and predicted from all other tokens.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F

PAD = 0
IGNORED = -100  # the label where nothing is predicted
ROLES = {None: 0, "source": 1, "relation": 2, "target": 3}
SOURCE, TARGET = ROLES["source"], ROLES["target"]


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder that `python -m tasks export` wrote")
    parser.add_argument("--visibility", choices=("causal", "full"), default="causal")
    parser.add_argument("--split", default="forward", help="questions to evaluate")
    parser.add_argument("--level", type=float, default=0.99, help="accuracy at which to stop")
    parser.add_argument("--max-steps", type=int, default=6000, help="steps after which to give up")
    parser.add_argument("--evaluate-every", type=int, default=50, help="steps between evaluations")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--inner", type=int, default=172, help="features inside the feed-forward part")
    parser.add_argument("--initial-scale", type=float, default=0.02, help="standard deviation of initial weights")
    parser.add_argument("--batch", type=int, default=96, help="documents a step")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="constant after warm-up")
    parser.add_argument("--warmup", type=int, default=100, help="steps over which the learning rate rises from 0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def read_rows(path: Path) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def padded(lists: list[list[int]], value: int = PAD) -> Tensor:
    """One row a list, padded on the right: int64[n, t]."""
    t = max(map(len, lists))
    return torch.tensor([row + [value] * (t - len(row)) for row in lists])


def read_documents(corpus: Path) -> tuple[Tensor, Tensor]:
    """Tokens and roles of the training documents, both int64[n, t]."""
    rows = read_rows(corpus / "documents.jsonl")
    return padded([row["tokens"] for row in rows]), padded([[ROLES[role] for role in row["roles"]] for row in rows])


def make_network(args: argparse.Namespace, vocab_size: int, max_length: int) -> nn.Module:
    config = transformers.LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=args.width,
        intermediate_size=args.inner,
        num_hidden_layers=args.depth,
        num_attention_heads=args.heads,
        max_position_embeddings=max_length,
        initializer_range=args.initial_scale,
        attn_implementation="sdpa",
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    return transformers.LlamaForCausalLM(config).to(args.device)


def logits(network: nn.Module, tokens: Tensor, visibility: str) -> Tensor:
    """tokens[b, t] -> logits [b, t, v]. A mask with four dimensions replaces Llama's causal one."""
    mask = None if visibility == "causal" else (tokens != PAD)[:, None, None]
    return network(input_ids=tokens, attention_mask=mask).logits


def corrupt(tokens: Tensor, roles: Tensor, visibility: str, mask: int) -> tuple[Tensor, Tensor]:
    """Input and labels [b, t] of documents: the label of a position is what its logits should predict."""
    if visibility == "causal":
        labels = tokens.masked_fill(roles == ROLES[None], IGNORED).roll(-1, 1)
        labels[:, -1] = IGNORED
        return tokens, labels
    masked_role = torch.where(torch.rand(len(tokens), 1, device=tokens.device) < 0.5, SOURCE, TARGET)
    is_masked = roles == masked_role
    return tokens.masked_fill(is_masked, mask), tokens.masked_fill(~is_masked, IGNORED)


def accuracy(network: nn.Module, questions: list[dict], args: argparse.Namespace) -> float:
    """Share of the questions whose whole answer is predicted: token by token if causal, else all tokens at once."""
    tokens = padded([question["tokens"] for question in questions]).to(args.device)
    start = torch.tensor([question["answer_start"] for question in questions], device=args.device)
    size = torch.tensor([question["answer_size"] for question in questions], device=args.device)
    row, filled = torch.arange(len(tokens), device=args.device), tokens.clone()
    shift = int(args.visibility == "causal")  # from a token to the position that predicts it
    for i in range(size.max()):
        asked = row[i < size]
        at = start[asked] + i
        predicted = logits(network, filled if shift else tokens, args.visibility).argmax(-1)
        filled[asked, at] = predicted[asked, at - shift]
    answers = [filled[i, question["answer_start"] :].tolist() for i, question in enumerate(questions)]
    right = [
        any(found[: len(answer["tokens"])] == answer["tokens"] for answer in question["answers"])
        for found, question in zip(answers, questions)
    ]
    return sum(right) / len(right)


def main(arguments: list[str] | None = None) -> None:
    args = options(arguments)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    tokens, roles = (array.to(args.device) for array in read_documents(args.corpus))
    questions = [row for row in read_rows(args.corpus / "questions.jsonl") if row["split"] == args.split]
    words = json.loads((args.corpus / "vocabulary.json").read_text(encoding="utf-8"))["words"]
    network = make_network(args, len(words), max_length=tokens.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1 / args.warmup, total_iters=args.warmup)
    order = torch.empty(0, dtype=torch.long)
    for step in range(1, args.max_steps + 1):
        if len(order) < args.batch:  # the next epoch
            order = torch.cat([order, torch.randperm(len(tokens))])
        rows, order = order[: args.batch], order[args.batch :]
        inputs, labels = corrupt(tokens[rows], roles[rows], args.visibility, words.index("[mask]"))
        predicted = logits(network, inputs, args.visibility)
        loss = F.cross_entropy(predicted.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % args.evaluate_every == 0 or step == args.max_steps:
            with torch.inference_mode():
                share = accuracy(network, questions, args)
            print(json.dumps({"step": step, "time": time.time(), "accuracy": share}), flush=True)
            if share >= args.level:
                break


if __name__ == "__main__":
    main()
