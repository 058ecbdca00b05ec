"""Types of resources that moto's CloudFormation passes over, made by moto's own services.

moto has these services, but no way to them from a template. Each is made here by the call that CloudFormation makes,
with boto3, which refuses parameters that the API has not.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
import pytest
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

from tests.deploy.template import divided

Properties = Mapping[str, Any]


def _secret(name: str, properties: Properties) -> dict[str, str]:
    client = boto3.client("secretsmanager")
    generated = client.get_random_password(**properties["GenerateSecretString"])
    given = {key: properties[key] for key in ("Description", "KmsKeyId")}
    made = client.create_secret(Name=name, SecretString=generated["RandomPassword"], **given)
    return {"Ref": made["ARN"]}


def _stream_consumer(_: str, properties: Properties) -> dict[str, str]:
    made = boto3.client("kinesis").register_stream_consumer(**properties)["Consumer"]
    return {"Ref": made["ConsumerARN"], "ConsumerARN": made["ConsumerARN"]}


def _scalable_target(_: str, properties: Properties) -> dict[str, str]:
    boto3.client("application-autoscaling").register_scalable_target(**properties)
    return {"Ref": "|".join(properties[key] for key in ("ResourceId", "ScalableDimension", "ServiceNamespace"))}


def _scaling_policy(_: str, properties: Properties) -> dict[str, str]:
    resource, dimension, namespace = properties["ScalingTargetId"].split("|")
    made = boto3.client("application-autoscaling").put_scaling_policy(
        ResourceId=resource,
        ScalableDimension=dimension,
        ServiceNamespace=namespace,
        **{key: value for key, value in properties.items() if key != "ScalingTargetId"},
    )
    return {"Ref": made["PolicyARN"]}


def _alarm(name: str, properties: Properties) -> dict[str, str]:
    boto3.client("cloudwatch").put_metric_alarm(AlarmName=name, **properties)
    return {"Ref": name}


def _metric_filter(name: str, properties: Properties) -> dict[str, str]:
    given = {key[0].lower() + key[1:]: value for key, value in properties.items() if key != "MetricTransformations"}
    transformations = [
        {key[0].lower() + key[1:]: value for key, value in each.items()} for each in properties["MetricTransformations"]
    ]
    for each in transformations:
        each["defaultValue"] = float(each["defaultValue"])
    boto3.client("logs").put_metric_filter(filterName=name, metricTransformations=transformations, **given)
    return {"Ref": name}


MAKERS: Final[Mapping[str, Callable[[str, Properties], dict[str, str]]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Kinesis::StreamConsumer": _stream_consumer,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::SecretsManager::Secret": _secret,
}


def teach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto's CloudFormation make these types too."""
    known = parsing.get_model_map()
    for kind, maker in MAKERS.items():
        assert kind not in known, f"moto has learnt {kind}: take it out of here"
        monkeypatch.setitem(known, kind, _model(kind, maker))
    clean = parsing.clean_json

    def clean_more(value: Any, resources: Any) -> Any:
        """Take AWS::NoValue out of lists, where moto leaves a None; and divide addresses (Fn::Cidr)."""
        if isinstance(value, dict) and "Fn::Cidr" in value:
            return divided(*(clean_more(each, resources) for each in value["Fn::Cidr"]))
        cleaned = clean(value, resources)
        return [each for each in cleaned if each is not None] if isinstance(value, list) else cleaned

    monkeypatch.setattr(parsing, "clean_json", clean_more)


def _model(kind: str, maker: Callable[[str, Properties], dict[str, str]]) -> type[CloudFormationModel]:
    class Model(CloudFormationModel):
        def __init__(self, attributes: dict[str, str]) -> None:
            self._attributes = attributes

        @property
        def physical_resource_id(self) -> str:
            return self._attributes["Ref"]

        def get_cfn_attribute(self, name: str) -> str:
            return self._attributes[name]

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: dict[str, Any], *_: Any, **__: Any
        ) -> "Model":
            return cls(maker(resource_name, cloudformation_json["Properties"]))

        def is_created(self) -> bool:
            return True

    return Model
