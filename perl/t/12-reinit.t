# A reinit wherever code of the program's runs: in callbacks, feeders, and when objects go; as in a child that a
# callback has forked. Under valgrind nothing is used after it was freed.

use strict;
use warnings;
use Test::More;
use lib 't/lib';
use Tester;

use IO::AIO;

my @seen;

# Runs what submits requests, and then all of them; what was called.
sub called(&) {
    my ($submit) = @_;
    @seen = ();
    $submit->();
    IO::AIO::flush;
    is(IO::AIO::nreqs, 0, 'nothing is left');
    return "@seen";
}
sub note_it { my ($name) = @_; return sub { push @seen, $name } }

{
    package Reinits;
    sub new { bless [] }
    sub DESTROY { IO::AIO::reinit; IO::AIO::flush; push @seen, 'gone' }
    package Tied;
    sub TIESCALAR { bless [] }
    sub FETCH { '' }
    sub STORE { IO::AIO::reinit }
}

is(called { aio_nop sub { push @seen, 'first'; IO::AIO::reinit }; aio_nop note_it 'second'; aio_load '/', my $x, note_it 'third' },
    'first', 'in a callback: the others are forgotten');
is(called {
    my $grp = aio_group note_it 'group';
    add $grp aio_nop sub { push @seen, 'member'; IO::AIO::reinit };
    add $grp IO::AIO::aio_busy 0.02, note_it 'other';
}, 'member', "in a member's");
is(called {
    my $grp = aio_group sub { push @seen, 'group'; IO::AIO::reinit };
    add $grp aio_nop note_it 'member';
    my $outer = aio_group note_it 'outer';
    add $outer $grp;
}, 'member group', "in a group's");
is(called { my $grp = aio_group note_it 'group'; feed $grp sub { IO::AIO::reinit; return } }, '', 'in a feeder');
{
    my $n = 0;
    my $text = called {
        my $grp = aio_group note_it 'group';
        feed $grp sub {
            return IO::AIO::reinit if $n++ >= 3;
            add $grp aio_nop;
            add $grp IO::AIO::aio_busy 0.01;
        };
    };
    is($text, '', 'in a feeder with members');
    cmp_ok($n, '>=', 4, 'which was called so often');
    $n = 0;
    is(called {
        my $grp = aio_load '/etc/passwd', my $data, note_it 'load';
        feed $grp sub {
            return if $n++;
            add $grp IO::AIO::aio_busy 0.02;
            IO::AIO::reinit;
            IO::AIO::flush;
            select undef, undef, undef, 0.05;
            IO::AIO::poll_cb;
        };
    }, '', 'in the feeder of a request that is several');
    $n = 0;
    called {
        my $grp = aio_group note_it 'group';
        feed $grp sub { return if $n++ > 3; $grp->limit($n + 1); IO::AIO::reinit if $n == 3 };
    };
    cmp_ok($n, '>=', 3, 'in a feeder inside another call of it');
}
is(called {
    tie my $tied, 'Tied';
    open my $fh, '<', '/etc/passwd' or die $!;
    aio_read $fh, 0, 5, $tied, 0, note_it 'read';
}, 'read', 'when a tied scalar gets its data');
is(called {
    (aio_nop note_it 'called')->{guard} = Reinits->new;
    (IO::AIO::aio_busy 0.01)->{guard} = Reinits->new for 1, 2;
}, 'called gone gone gone', 'when an object goes');
is(called {
    (IO::AIO::aio_busy 0.01)->{guard} = Reinits->new for 1 .. 3;
    IO::AIO::reinit;
}, 'gone gone gone', 'or goes with a reinit');
is(called {
    aio_nop sub {
        my $pid = fork // die $!;
        if (!$pid) {
            my $ok = 1;
            aio_stat '/', sub { $ok = $_[0] };
            IO::AIO::flush;
            require POSIX;
            POSIX::_exit($ok ? 1 : 7);
        }
        waitpid $pid, 0;
        push @seen, $? >> 8;
    };
}, '7', 'in a child of a callback');

done_testing;
