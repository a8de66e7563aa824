"""The callbacks for Lightning and transformers with the real packages, which need PyTorch and so are not installed for tests.

    python tests/real_trainers.py      # in an environment with gradframe, lightning, transformers and accelerate
"""

import tempfile

import lightning
import torch
import transformers

import gradframe as gf

session = gf.Session(in_memory=True)
x = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
y = x.sum(axis=1, keepdim=True)


class Line(lightning.LightningModule):
    def __init__(self, width=3):
        super().__init__()
        self.save_hyperparameters()
        self.line = torch.nn.Linear(width, 1)

    def training_step(self, batch, _):
        loss = torch.nn.functional.mse_loss(self.line(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", torch.nn.functional.mse_loss(self.line(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(3, 1)

    def forward(self, x, labels):
        return {"loss": torch.nn.functional.mse_loss(self.line(x), labels)}


def curves(run):
    rows = session.sql(f"SELECT name, step, epoch, value FROM gradframe.metrics WHERE run = '{run.id}' ORDER BY name, step").collect().rows()
    return {name: [row[1:] for row in rows if row[0] == name] for name in {row[0] for row in rows}}


def params(run):
    return dict(session.sql(f"SELECT name, value FROM gradframe.params WHERE run = '{run.id}'").collect().rows())


def of_lightning(directory):
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=8)
    with session.run("lightning", code=False) as run:
        logger = gf.callbacks.lightning(run)
        trainer = lightning.Trainer(
            max_epochs=3, logger=logger, log_every_n_steps=1, default_root_dir=directory, accelerator="cpu", enable_checkpointing=False
        )
        trainer.fit(Line(), data, data)
    found = curves(run)
    assert params(run) == {"width": "3"}, params(run)
    assert [step for step, _, _ in found["train_loss"]] == list(range(24)), found["train_loss"]
    assert [epoch for _, epoch, _ in found["val_loss"]] == [0, 1, 2], found["val_loss"]
    assert found["train_loss"][-1][2] < found["train_loss"][0][2]


def of_transformers(directory):
    rows = [{"x": one, "labels": other} for one, other in zip(x, y, strict=True)]
    arguments = transformers.TrainingArguments(
        directory, num_train_epochs=2, per_device_train_batch_size=8, logging_steps=4, report_to=[], use_cpu=True, learning_rate=0.1
    )
    with session.run("transformers", code=False) as run:
        transformers.Trainer(Model(), arguments, train_dataset=rows, callbacks=[gf.callbacks.transformers(run)]).train()
    found = curves(run)
    assert params(run)["learning_rate"] == "0.1"
    assert [step for step, _, _ in found["loss"]] == [4, 8, 12, 16], found["loss"]
    assert "train_runtime" in found


with tempfile.TemporaryDirectory() as directory:
    of_lightning(directory)
    of_transformers(directory)
print(f"lightning {lightning.__version__}, transformers {transformers.__version__}: logged")
