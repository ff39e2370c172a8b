"""Add columns for the normal forms of user names and e-mail addresses, used for comparisons."""

from collections import defaultdict

import core.normal_form
import django.contrib.auth.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


def fill_keys(apps, schema_editor):
    """Set the normal forms of all users; raise RuntimeError with the ids of users that share one."""
    users = apps.get_model("accounts", "User").objects
    rows = list(users.order_by("pk").values_list("pk", "username", "email"))
    holders = defaultdict(set)
    for pk, *texts in rows:
        for text in filter(None, texts):
            holders[core.normal_form.normal_form(text)].add(str(pk))
    shared = [sorted(ids) for ids in holders.values() if len(ids) > 1]
    if shared:
        lines = "\n".join("  " + ", ".join(ids) for ids in sorted(shared))
        raise RuntimeError(
            "Some users have a user name or an e-mail address that differs from another user's only by case or by "
            "the form of its letters. Rename all but one of each line (users/<id>/ on the version that ran before, "
            f"or the table accounts_user), then migrate again. The ids:\n{lines}"
        )
    for pk, username, email in rows:
        keys = {"username_key": core.normal_form.normal_form(username), "email_key": core.normal_form.normal_form(email)}
        users.filter(pk=pk).update(**keys)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_repeatable_refresh'),
        ('clinics', '0003_no_index_twice'),
        ('patients', '0003_a_stamp_of_all_names'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='user',
            name='user_username_once',
        ),
        migrations.RemoveConstraint(
            model_name='user',
            name='user_email_once',
        ),
        migrations.AddField(
            model_name='user',
            name='email_key',
            field=models.TextField(default='', editable=False),
        ),
        migrations.AddField(
            model_name='user',
            name='username_key',
            field=models.TextField(default='', editable=False),
        ),
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='user',
            name='email',
            field=models.EmailField(blank=True, default='', max_length=254, validators=[core.normal_form.validate_normal]),
        ),
        migrations.AlterField(
            model_name='user',
            name='username',
            field=models.CharField(max_length=150, validators=[django.contrib.auth.validators.UnicodeUsernameValidator(), core.normal_form.validate_normal]),
        ),
        migrations.AlterField(
            model_name='userevent',
            name='email',
            field=models.EmailField(blank=True, default='', max_length=254, validators=[core.normal_form.validate_normal]),
        ),
        migrations.AlterField(
            model_name='userevent',
            name='username',
            field=models.CharField(max_length=150, validators=[django.contrib.auth.validators.UnicodeUsernameValidator(), core.normal_form.validate_normal]),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='names_and_addresses', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    PERFORM pg_advisory_xact_lock(hashtextextended(texts.text, 0)) FROM (\n                        SELECT DISTINCT text FROM unnest(ARRAY[NEW.username_key, NEW.email_key]) AS text\n                        WHERE text <> '' ORDER BY text\n                    ) AS texts;\n                    IF EXISTS (SELECT FROM accounts_user\n                               WHERE email_key = NEW.username_key AND email_key <> '' AND id <> NEW.id) THEN\n                        RAISE unique_violation USING MESSAGE = 'The user name is the address of another user.',\n                            CONSTRAINT = 'user_name_is_no_address';\n                    END IF;\n                    IF EXISTS (SELECT FROM accounts_user\n                               WHERE username_key = NEW.email_key AND NEW.email_key <> '' AND id <> NEW.id) THEN\n                        RAISE unique_violation USING MESSAGE = 'The address is the name of another user.',\n                            CONSTRAINT = 'user_address_is_no_name';\n                    END IF;\n                    RETURN NEW;\n                ", hash='098f47d88be801f020f706da4e16174afac112cc', operation='INSERT OR UPDATE OF "username_key", "email_key"', pgid='pgtrigger_names_and_addresses_57cc0', table='accounts_user', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(fields=('username_key',), name='user_username_once'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(condition=models.Q(('email_key', ''), _negated=True), fields=('email_key',), name='user_email_once'),
        ),
    ]
