"""`model.generate` on left-padded batches of prompts, ended by the stop text, as its documentation says."""

import torch

from bench.peers.loading import load_policy
from bench.serve import Server, serve
from bench.work import Work

BATCH_ROWS = 16
STOP = "</Judgement>"


def main(work: Work, server: Server) -> None:
    model, tokenizer = load_policy(work)
    tokenizer.padding_side = "left"
    model.eval()
    server.ready()
    for request in server.requests():
        rows = work.rows[:BATCH_ROWS] if request.get("warm_up") else work.rows
        for start in range(0, len(rows), BATCH_ROWS):
            prompts = [row.prompt for row in rows[start : start + BATCH_ROWS]]
            inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
            with torch.inference_mode():
                output = model.generate(
                    **inputs,
                    do_sample=True,
                    temperature=1.0,
                    top_k=0,
                    top_p=1.0,
                    max_new_tokens=work.max_new_tokens,
                    stop_strings=[STOP],
                    tokenizer=tokenizer,
                )
            tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        server.done()


if __name__ == "__main__":
    serve(main)
