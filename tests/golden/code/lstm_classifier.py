from torch import Tensor, nn


class LstmClassifier(nn.Module):
    """Takes input [B, 28, 28]; returns [B, 10]; 82,186 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(128, 10)

    def forward(self, input: Tensor) -> Tensor:
        y, _ = self.lstm(input)  # [B, 28, 128]
        x = y[:, -1]  # [B, 128]
        x = self.drop(x)  # [B, 128]
        x = self.fc(x)  # [B, 10]
        return x
