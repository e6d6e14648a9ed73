"""TRL's `SFTTrainer` on prompts and completions, loss on the completion only."""

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from bench.peers.loading import load_policy, lora_config, trainer_arguments
from bench.serve import OneBatchARequest, Server, serve
from bench.work import Work


def main(work: Work, server: Server) -> None:
    model, tokenizer = load_policy(work)
    rows = [{"prompt": row.prompt, "completion": row.target} for row in work.rows]
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**trainer_arguments(work)),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora_config(work),
        callbacks=[OneBatchARequest(server)],
    )
    trainer.train()


if __name__ == "__main__":
    serve(main)
